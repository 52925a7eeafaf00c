package dispatch

import (
	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/travishook/travishook/internal/render"
)

// templates caches compiled templates.
type templates struct {
	compiled *lru.Cache[templateKey, *render.Template]
}

type templateKey struct {
	text   string
	syntax render.Syntax
}

func newTemplates() templates {
	compiled, _ := lru.New[templateKey, *render.Template](maxTemplates) // fails for a size below 1 only
	return templates{compiled}
}

// get returns the template, or one that always fails with the error if it does not compile.
func (c templates) get(text string, syntax render.Syntax) *render.Template {
	key := templateKey{text, syntax}
	if t, ok := c.compiled.Get(key); ok {
		return t
	}
	t, err := render.Compile(text, syntax)
	if err != nil {
		t = render.Failing(err)
	}
	c.compiled.Add(key, t)
	return t
}
