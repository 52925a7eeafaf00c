package filter

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// maxString limits the bytes of a string that a function makes: four of the longest commit messages.
const maxString = 64 << 10

// stringFunctions returns the string functions of Kubernetes' CEL with limits: they take time proportional
// to the length of their arguments, and fail if the result would be longer than maxString. The library's
// own search takes time proportional to the product of both lengths, and its replace has no limit.
func stringFunctions() []cel.EnvOption {
	str, num, list := cel.StringType, cel.IntType, cel.ListType(cel.StringType)
	method := func(name, id string, result *cel.Type, call func(args ...ref.Val) ref.Val, args ...*cel.Type) cel.EnvOption {
		return cel.Function(name, cel.MemberOverload(id, args, result, cel.FunctionBinding(call)))
	}
	return []cel.EnvOption{
		method("lowerAscii", "string_lower_ascii", str, func(a ...ref.Val) ref.Val { return ascii(a[0], 'A', 'a') }, str),
		method("upperAscii", "string_upper_ascii", str, func(a ...ref.Val) ref.Val { return ascii(a[0], 'a', 'A') }, str),
		method("trim", "string_trim", str, func(a ...ref.Val) ref.Val { return types.String(strings.TrimSpace(text(a[0]))) }, str),
		method("charAt", "string_char_at_int", str, charAt, str, num),
		method("indexOf", "string_index_of_string", num, indexOf, str, str),
		method("indexOf", "string_index_of_string_int", num, indexOf, str, str, num),
		method("lastIndexOf", "string_last_index_of_string", num, lastIndexOf, str, str),
		method("substring", "string_substring_int", str, substring, str, num),
		method("substring", "string_substring_int_int", str, substring, str, num, num),
		method("replace", "string_replace_string_string", str, replace, str, str, str),
		method("replace", "string_replace_string_string_int", str, replace, str, str, str, num),
		method("split", "string_split_string", list, split, str, str),
		method("split", "string_split_string_int", list, split, str, str, num),
		method("join", "list_join", str, join, list),
		method("join", "list_join_string", str, join, list, str),
	}
}

func text(v ref.Val) string {
	s, _ := v.(types.String)
	return string(s)
}

// number is the argument at i, or otherwise where there is none.
func number(args []ref.Val, i, otherwise int) int {
	if i >= len(args) {
		return otherwise
	}
	n, _ := args[i].(types.Int)
	return int(max(min(n, 1<<30), -1<<30))
}

func ascii(v ref.Val, from, to rune) ref.Val {
	return types.String(strings.Map(func(r rune) rune {
		if from <= r && r < from+26 {
			return r - from + to
		}
		return r
	}, text(v)))
}

// offset is where the nth character of s begins; ok is false where it has fewer.
func offset(s string, n int) (at int, ok bool) {
	if n < 0 {
		return 0, false
	}
	for i := range s {
		if n == 0 {
			return i, true
		}
		n--
	}
	return len(s), n == 0
}

func outOfRange(n int) ref.Val {
	return types.NewErrFromString(fmt.Sprintf("index %d is out of range", n))
}

func charAt(args ...ref.Val) ref.Val {
	s, n := text(args[0]), number(args, 1, 0)
	at, ok := offset(s, n)
	if !ok {
		return outOfRange(n)
	}
	_, width := utf8.DecodeRuneInString(s[at:])
	return types.String(s[at : at+width])
}

func indexOf(args ...ref.Val) ref.Val {
	s, n := text(args[0]), number(args, 2, 0)
	at, ok := offset(s, n)
	if !ok {
		return outOfRange(n)
	}
	found := strings.Index(s[at:], text(args[1]))
	if found < 0 {
		return types.Int(-1)
	}
	return types.Int(utf8.RuneCountInString(s[:at+found]))
}

func lastIndexOf(args ...ref.Val) ref.Val {
	s := text(args[0])
	found := strings.LastIndex(s, text(args[1]))
	if found < 0 {
		return types.Int(-1)
	}
	return types.Int(utf8.RuneCountInString(s[:found]))
}

func substring(args ...ref.Val) ref.Val {
	s, from := text(args[0]), number(args, 1, 0)
	start, ok := offset(s, from)
	if !ok {
		return outOfRange(from)
	}
	end := len(s)
	if len(args) > 2 {
		to := number(args, 2, 0)
		if end, ok = offset(s, to); !ok || end < start {
			return outOfRange(to)
		}
	}
	return types.String(s[start:end])
}

func replace(args ...ref.Val) ref.Val {
	s, before, after, n := text(args[0]), text(args[1]), text(args[2]), number(args, 3, -1)
	times := strings.Count(s, before)
	if n >= 0 {
		times = min(times, n)
	}
	if len(s)+times*len(after) > maxString {
		return tooLong()
	}
	return types.String(strings.Replace(s, before, after, n))
}

func split(args ...ref.Val) ref.Val {
	return types.DefaultTypeAdapter.NativeToValue(strings.SplitN(text(args[0]), text(args[1]), number(args, 2, -1)))
}

func join(args ...ref.Val) ref.Val {
	separator := ""
	if len(args) > 1 {
		separator = text(args[1])
	}
	list, ok := args[0].(traits.Lister)
	if !ok {
		return types.MaybeNoSuchOverloadErr(args[0])
	}
	var b strings.Builder
	between := ""
	for it := list.Iterator(); it.HasNext() == types.True; between = separator {
		b.WriteString(between)
		if b.WriteString(text(it.Next())); b.Len() > maxString {
			return tooLong()
		}
	}
	return types.String(b.String())
}

func tooLong() ref.Val {
	return types.NewErrFromString(fmt.Sprintf("a function makes a string of more than %d bytes", maxString))
}
