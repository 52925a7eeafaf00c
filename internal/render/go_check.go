package render

import (
	"slices"
	"text/template/parse"
)

// scope is the meaning of the dot.
type scope int

const (
	rootScope  scope = iota // the variables
	jobScope                // one of .jobs
	otherScope              // not known before the template runs
)

// maxCalls limits the function calls of one rendering: a fraction of a second, even if each works on the
// longest possible string.
const maxCalls = 500

// goChecker walks a template's tree and refuses unknown names and unbounded work.
type goChecker struct {
	source string
	weight int // how often the part being walked may run
	calls  int // counted so far
}

func (c *goChecker) list(l *parse.ListNode, s scope) error {
	if l == nil {
		return nil
	}
	for _, n := range l.Nodes {
		if err := c.node(n, s); err != nil {
			return err
		}
	}
	return nil
}

func (c *goChecker) node(n parse.Node, s scope) error {
	switch n := n.(type) {
	case *parse.ActionNode:
		return c.pipe(n.Pipe, s)
	case *parse.IfNode:
		return c.branch(&n.BranchNode, s, s)
	case *parse.WithNode:
		return c.branch(&n.BranchNode, s, otherScope)
	case *parse.RangeNode:
		return c.loop(n, s)
	case *parse.TemplateNode:
		return at(c.source, int(n.Pos), "template is not available: a message is one template")
	case *parse.PipeNode:
		return c.pipe(n, s)
	case *parse.ChainNode:
		return c.node(n.Node, s)
	case *parse.IdentifierNode:
		return c.function(n)
	case *parse.FieldNode:
		return c.field(int(n.Pos), n.Ident[0], s)
	case *parse.VariableNode:
		if n.Ident[0] == "$" && len(n.Ident) > 1 {
			return c.field(int(n.Pos), n.Ident[1], rootScope)
		}
	}
	return nil
}

func (c *goChecker) branch(b *parse.BranchNode, s, inside scope) error {
	if err := c.pipe(b.Pipe, s); err != nil {
		return err
	}
	if err := c.list(b.List, inside); err != nil {
		return err
	}
	return c.list(b.ElseList, s)
}

// loop permits range over .jobs only, and not nested. Their number is limited, and so is the time that a
// template can take.
func (c *goChecker) loop(r *parse.RangeNode, s scope) error {
	if !overJobs(r.Pipe, s) {
		return at(c.source, int(r.Pos), "range can only iterate over .jobs")
	}
	if nested(r.List) {
		return at(c.source, int(r.Pos), "range cannot be nested")
	}
	c.weight *= maxJobs
	defer func() { c.weight /= maxJobs }()
	return c.branch(&r.BranchNode, s, jobScope)
}

func overJobs(p *parse.PipeNode, s scope) bool {
	if len(p.Cmds) != 1 || len(p.Cmds[0].Args) != 1 {
		return false
	}
	switch arg := p.Cmds[0].Args[0].(type) {
	case *parse.FieldNode:
		return s == rootScope && slices.Equal(arg.Ident, []string{"jobs"})
	case *parse.VariableNode:
		return slices.Equal(arg.Ident, []string{"$", "jobs"})
	}
	return false
}

// nested reports whether a loop's body contains a range.
func nested(l *parse.ListNode) bool {
	if l == nil {
		return false
	}
	return slices.ContainsFunc(l.Nodes, func(n parse.Node) bool {
		switch n := n.(type) {
		case *parse.RangeNode:
			return true
		case *parse.IfNode:
			return nested(n.List) || nested(n.ElseList)
		case *parse.WithNode:
			return nested(n.List) || nested(n.ElseList)
		}
		return false
	})
}

func (c *goChecker) pipe(p *parse.PipeNode, s scope) error {
	for _, cmd := range p.Cmds {
		for _, arg := range cmd.Args {
			if err := c.node(arg, s); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *goChecker) function(n *parse.IdentifierNode) error {
	if c.calls += c.weight; c.calls > maxCalls {
		return at(c.source, int(n.Pos), "too many function calls: the limit is %d, and one within range counts as %d", maxCalls, maxJobs)
	}
	names := make([]string, 0, len(functions))
	for _, f := range functions {
		if f.Name == n.Ident {
			return nil
		}
		names = append(names, f.Name)
	}
	return at(c.source, int(n.Pos), "there is no function %q%s", n.Ident, noSuch(n.Ident, names, "%s"))
}

func (c *goChecker) field(pos int, name string, s scope) error {
	var known []string
	switch s {
	case rootScope:
		for _, v := range variables {
			known = append(known, v.Name)
		}
	case jobScope:
		known = jobNames
	case otherScope:
		return nil
	}
	if slices.Contains(known, name) {
		return nil
	}
	return at(c.source, pos, "there is no variable %q%s", name, noSuch(name, known, ".%s"))
}
