package filter

import (
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

const (
	// maxCost limits the cost of evaluating a filter on one event: enough to visit every job of the
	// largest build a hundred times, and ten milliseconds at worst. A unit is about one step of CEL's
	// interpreter.
	maxCost = 100_000
	// unitBytes is how many bytes of a string that is read or made cost one unit.
	unitBytes = 32
	// zoneCost is for a time zone's name, which is looked up on disk.
	zoneCost = 100
)

// costs counts the cost of calls. CEL's own count regards size, conversions and extensions as free,
// regardless of the length of their arguments.
type costs struct {
	regexps map[string]int // instructions by regular expression
}

// CallCost implements cost.ActualCostEstimator.
func (c costs) CallCost(function, _ string, args []ref.Val, result ref.Val) *uint64 {
	cost := uint64(1) + length(result)/unitBytes
	for _, arg := range args {
		cost += length(arg) / unitBytes
	}
	switch {
	case isRegexpCall(function) && len(args) == 2:
		cost += regexpCost(c.regexps[text(args[1])], len(text(args[0])))
	case function == "@in" || function == "join":
		cost += elements(args[len(args)-1]) + elements(args[0])
	case function == "split":
		cost += elements(result)
	case zoned[function] && len(args) == 2:
		cost += zoneCost
	}
	return &cost
}

func length(v ref.Val) uint64 {
	s, _ := v.(types.String)
	return uint64(len(s))
}

func elements(v ref.Val) uint64 {
	list, ok := v.(traits.Sizer)
	if _, isText := v.(types.String); !ok || isText {
		return 0
	}
	n, _ := list.Size().(types.Int)
	return uint64(n)
}

// zoned are the functions that take the name of a time zone.
var zoned = map[string]bool{
	"getFullYear": true, "getMonth": true, "getDate": true, "getDayOfMonth": true, "getDayOfWeek": true, "getDayOfYear": true,
	"getHours": true, "getMinutes": true, "getSeconds": true, "getMilliseconds": true,
}
