package filter

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common"

	"github.com/travishook/travishook/internal/suggest"
)

// maxMistakes is how many mistakes an error lists: one often causes the others.
const maxMistakes = 3

// explain translates CEL's errors for readers who do not know CEL's internals.
func explain(expression string, issues *cel.Issues) error {
	var all []string
	for _, e := range issues.Errors() {
		s := at(e.Location.Line(), e.Location.Column(), reword(expression, e))
		if !slices.Contains(all, s) && len(all) < maxMistakes {
			all = append(all, s)
		}
	}
	return errors.New(strings.Join(all, "; "))
}

// refused returns a refusal with its position as an error.
func refused(parsed *cel.Ast, r *refusal) error {
	place := parsed.NativeRep().SourceInfo().GetStartLocation(r.id)
	return errors.New(at(place.Line(), place.Column(), r.text))
}

func at(line, column int, message string) string {
	return fmt.Sprintf("line %d, column %d: %s", max(line, 1), max(column, 0)+1, message)
}

var (
	undeclared = regexp.MustCompile(`^undeclared reference to '([^']*)'`)
	noField    = regexp.MustCompile(`^undefined field '([^']*)'`)
	noOverload = regexp.MustCompile(`^found no matching overload for '([^']*)' applied to '(.*)'$`)
	unexpected = regexp.MustCompile(`^Syntax error: (?:mismatched|extraneous) input (.*?)(?: expecting .*)?$`)
	noViable   = regexp.MustCompile(`^Syntax error: no viable alternative at input (.*)$`)
	badToken   = regexp.MustCompile(`^Syntax error: token recognition error at: (.*)$`)
	missing    = regexp.MustCompile(`^Syntax error: missing (.*) at (.*)$`)
	operator   = regexp.MustCompile(`^_?(.*?)_?$`)
)

func reword(expression string, e *common.Error) string {
	message := e.Message
	if m := undeclared.FindStringSubmatch(message); m != nil {
		return unknownVariable(m[1])
	}
	if m := noField.FindStringSubmatch(message); m != nil {
		return unknownField(expression, e, m[1])
	}
	if m := noOverload.FindStringSubmatch(message); m != nil {
		return wrongTypes(m[1], typeName(m[2]))
	}
	if m := badToken.FindStringSubmatch(message); m != nil {
		return badText(m[1])
	}
	for _, syntax := range []*regexp.Regexp{unexpected, noViable} {
		if m := syntax.FindStringSubmatch(message); m != nil {
			return unexpectedToken(m[1])
		}
	}
	if m := missing.FindStringSubmatch(message); m != nil {
		return fmt.Sprintf("%s is missing before %s", m[1], strings.ReplaceAll(m[2], "'<EOF>'", "the end of the filter"))
	}
	return typeName(strings.TrimPrefix(message, "Syntax error: "))
}

func unknownVariable(name string) string {
	for variable := range variables {
		if variable != "jobs" && slices.Contains(fields(variable), name) {
			return fmt.Sprintf("there is no variable %s; did you mean %s.%[1]s?", name, variable)
		}
	}
	known := make([]string, 0, len(variables))
	for v := range variables {
		known = append(known, v)
	}
	return fmt.Sprintf("there is no variable %s; %s; put a string in quotes", name, suggest.Sorted(name, known, "%s"))
}

// unknownField finds the variable that lacks the field: the name before the position.
func unknownField(expression string, e *common.Error, field string) string {
	lines := strings.Split(expression, "\n")
	if n := e.Location.Line() - 1; n >= 0 && n < len(lines) {
		row := []rune(lines[n])
		before := string(row[:min(max(e.Location.Column(), 0), len(row))])
		variable := before[strings.LastIndexFunc(before, func(r rune) bool { return !isLetter(r) })+1:]
		if variables[variable] != nil {
			return fmt.Sprintf("%s has no field %s; %s", variable, field, suggest.Phrase(field, fields(variable), "%s"))
		}
	}
	for variable := range variables {
		if slices.Contains(fields(variable), field) {
			return fmt.Sprintf("there is no field %s here; it is a field of %s", field, variable)
		}
	}
	return fmt.Sprintf("there is no field %s; a job has %s", field, strings.Join(fields("jobs"), ", "))
}

func isLetter(r rune) bool { return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' }

// wrongTypes explains that an operator or a function does not take arguments of these types. CEL calls the
// operators _+_, !_ and @in, and writes the arguments as (int, string), or as string.(int) for a function that
// is called on a value.
func wrongTypes(function, arguments string) string {
	op := operator.FindStringSubmatch(function)[1]
	if value, rest, ok := strings.Cut(arguments, ".("); ok && op == function {
		return fmt.Sprintf("%s of a %s does not accept (%s)", op, value, strings.Trim(rest, "()"))
	}
	arguments = strings.Trim(arguments, "()")
	if op == function || op == "?_:" || op == "[_]" {
		return fmt.Sprintf("%s does not accept (%s)", strings.ReplaceAll(op, "_", ""), arguments)
	}
	left, right, two := strings.Cut(arguments, ", ")
	if !two {
		return fmt.Sprintf("%s does not accept a %s", op, left)
	}
	return fmt.Sprintf("%s does not accept a %s and a %s%s", strings.TrimPrefix(op, "@"), left, right, typeHint(left, right))
}

// typeHint returns what was probably meant by an operator between two types, or nothing.
func typeHint(left, right string) string {
	switch {
	case left == right:
		return ""
	case left == "duration" || right == "duration":
		return `: write duration("10m")`
	case left == "string" && right == "int", left == "int" && right == "string":
		return ": write numbers without quotes; build.number is a string"
	}
	return ""
}

func badText(token string) string {
	token = strings.TrimSpace(strings.Trim(token, "'"))
	switch {
	case strings.HasPrefix(token, `"`), strings.HasPrefix(token, `'`):
		return "a string is not closed"
	case token == "=":
		return "= is not an operator: write == to compare"
	case token == "&":
		return "& is not an operator: write && for and"
	case token == "|":
		return "| is not an operator: write || for or"
	}
	if strings.ContainsFunc(token, func(r rune) bool { return !unicode.IsPrint(r) }) {
		token = strconv.Quote(token)
	}
	return fmt.Sprintf("%s is not part of the language", token)
}

func unexpectedToken(token string) string {
	switch strings.Trim(token, "'") {
	case "<EOF>":
		return "the filter ends too early"
	case "=":
		return "= is not an operator: write == to compare"
	case "and", "AND":
		return "and is not an operator: write &&"
	case "or", "OR":
		return "or is not an operator: write ||"
	case "not", "NOT":
		return "not is not an operator: write !"
	}
	return "unexpected " + token
}

// typeName writes CEL's types as docs/filters.md does.
func typeName(s string) string {
	return strings.NewReplacer(typePrefix, "", "google.protobuf.Timestamp", "timestamp", "google.protobuf.Duration", "duration",
		"error(CEL type)", "unknown").Replace(s)
}

// failure explains why a filter failed on an event.
func failure(err error) error {
	message := err.Error()
	switch {
	case strings.Contains(message, "cost limit"):
		return errors.New("the filter costs too much on this event: look at fewer jobs or shorter texts")
	case strings.Contains(message, "interrupted"):
		return errors.New("the filter takes too long on this event: write a simpler one")
	}
	return errors.New(typeName(message))
}
