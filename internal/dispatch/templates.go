package dispatch

import (
	"sync"

	"github.com/travishook/travishook/internal/render"
)

// maxTemplates bounds the compiled templates that are kept.
const maxTemplates = 4096

// templates compiles each template once. The zero value is ready for use.
type templates struct {
	mu       sync.Mutex
	compiled map[templateKey]*render.Template
}

type templateKey struct {
	text   string
	syntax render.Syntax
}

// get returns the template, or where it does not compile, one that fails and says so.
func (c *templates) get(text string, syntax render.Syntax) *render.Template {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := templateKey{text, syntax}
	if t, ok := c.compiled[key]; ok {
		return t
	}
	t, err := render.Compile(text, syntax)
	if err != nil {
		t = render.Failing(err)
	}
	if c.compiled == nil || len(c.compiled) >= maxTemplates {
		c.compiled = map[templateKey]*render.Template{} // those in use come back with their next event
	}
	c.compiled[key] = t
	return t
}
