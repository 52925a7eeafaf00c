package slacktest

import (
	"encoding/json"
	"errors"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"
)

// block is a Block Kit block, with the fields that are used.
type block struct {
	Type     string          `json:"type"`
	Text     *text           `json:"text,omitempty"`
	Fields   []text          `json:"fields,omitempty"`
	Elements json.RawMessage `json:"elements,omitempty"`
}

type text struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	Emoji    *bool  `json:"emoji,omitempty"`
	Verbatim bool   `json:"verbatim,omitempty"`
}

// richSection is a section of a rich_text block.
type richSection struct {
	Type     string `json:"type"`
	Elements []struct {
		Type string `json:"type"`
		Text string `json:"text"`
		URL  string `json:"url"`
	} `json:"elements"`
}

// attachment holds raw fields, because the test looks for fields that must be absent.
type attachment map[string]json.RawMessage

func (a attachment) blocks() []block {
	var blocks []block
	if err := json.Unmarshal(a["blocks"], &blocks); err != nil {
		return nil
	}
	return blocks
}

var (
	errBlocks      = errors.New("invalid_blocks")
	errAttachments = errors.New("invalid_attachments")
	hexColor       = regexp.MustCompile(`^"#[0-9a-f]{6}"$`)
)

// check refuses what Slack refuses, with Slack's error code.
func (m payload) check() error {
	switch {
	case m.Text == "" && len(m.Blocks) == 0 && len(m.Attachments) == 0:
		return errors.New("no_text")
	case utf8.RuneCountInString(m.Text) > 40_000:
		return errors.New("msg_too_long")
	case len(m.Blocks) > 50:
		return errBlocks
	case len(m.Attachments) > 100:
		return errors.New("too_many_attachments")
	}
	all := m.Blocks
	for _, a := range m.Attachments {
		for field := range a {
			if field != "blocks" && field != "color" {
				return errAttachments
			}
		}
		if !hexColor.Match(a["color"]) || len(a.blocks()) == 0 {
			return errAttachments
		}
		all = append(all, a.blocks()...)
	}
	total := 0
	for _, b := range all {
		size, err := b.check()
		if err != nil {
			return err
		}
		total += size
	}
	if total > 13_000 {
		return errors.New("msg_blocks_too_long")
	}
	return nil
}

// check returns the characters in b.
func (b block) check() (int, error) {
	switch b.Type {
	case "rich_text":
		return b.checkRichText()
	case "section":
		if b.Text != nil && len(b.Fields) == 0 {
			return checkTexts([]text{*b.Text})
		}
		if len(b.Fields) == 0 || len(b.Fields) > 10 {
			return 0, errBlocks
		}
		return checkTexts(b.Fields)
	case "context":
		var elements []text
		if err := json.Unmarshal(b.Elements, &elements); err != nil || len(elements) == 0 || len(elements) > 10 {
			return 0, errBlocks
		}
		return checkTexts(elements)
	}
	return 0, errBlocks
}

func checkTexts(texts []text) (int, error) {
	total := 0
	for _, t := range texts {
		size := utf8.RuneCountInString(t.Text)
		if size == 0 || size > 2000 || t.Type != "plain_text" && t.Type != "mrkdwn" || t.Type == "mrkdwn" && t.Emoji != nil {
			return 0, errBlocks
		}
		total += size
	}
	return total, nil
}

func (b block) sections() ([]richSection, error) {
	var sections []richSection
	err := json.Unmarshal(b.Elements, &sections)
	return sections, err
}

func (b block) checkRichText() (int, error) {
	sections, err := b.sections()
	if err != nil || len(sections) == 0 {
		return 0, errBlocks
	}
	total := 0
	for _, s := range sections {
		if s.Type != "rich_text_section" || len(s.Elements) == 0 {
			return 0, errBlocks
		}
		for _, e := range s.Elements {
			u, err := url.Parse(e.URL)
			if e.Text == "" || e.Type == "link" && (err != nil || u.Host == "") || e.Type != "link" && e.Type != "text" {
				return 0, errBlocks
			}
			total += utf8.RuneCountInString(e.Text) + len(e.URL)
		}
	}
	return total, nil
}

// readable is the visible text of the message, without the text for notifications: a line for each block.
func (m payload) readable() string {
	var lines []string
	all := m.Blocks
	for _, a := range m.Attachments {
		all = append(all, a.blocks()...)
	}
	for _, b := range all {
		lines = append(lines, b.readable())
	}
	return strings.Join(lines, "\n")
}

func (b block) readable() string {
	var out strings.Builder
	if sections, err := b.sections(); err == nil && b.Type == "rich_text" {
		for _, s := range sections {
			for _, e := range s.Elements {
				out.WriteString(e.Text)
			}
		}
	}
	var parts []string
	for _, t := range b.texts() {
		parts = append(parts, unmarked(t.Text))
	}
	return out.String() + strings.Join(parts, " | ")
}

// texts are the texts of a section or a context.
func (b block) texts() []text {
	var texts []text
	if b.Type == "context" && json.Unmarshal(b.Elements, &texts) != nil {
		return nil
	}
	if b.Text != nil {
		texts = append(texts, *b.Text)
	}
	return append(texts, b.Fields...)
}

// mentioned matches mentions of a person or of everybody.
var mentioned = regexp.MustCompile(`<[@!](?:([UW][A-Z0-9]+)|(channel|here|everyone|subteam\^[^>|]*))(?:\|[^>]*)?>`)

// mentions are whom Slack notifies.
func (m payload) mentions() []string {
	var all []string
	blocks := m.Blocks
	for _, a := range m.Attachments {
		blocks = append(blocks, a.blocks()...)
	}
	for _, b := range blocks {
		for _, t := range b.texts() {
			if t.Type != "mrkdwn" {
				continue
			}
			for _, found := range mentioned.FindAllStringSubmatch(t.Text, -1) {
				all = append(all, found[1]+found[2])
			}
		}
	}
	return all
}

var (
	linked  = regexp.MustCompile(`<https?://[^>|]*\|([^>]*)>`)
	dated   = regexp.MustCompile(`<!date\^[0-9]+\^[^|>]*\|([^>]*)>`)
	unquote = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&")
)

// unmarked shows markup as Slack does where the reader's time zone is UTC.
func unmarked(s string) string {
	return unquote.Replace(dated.ReplaceAllString(linked.ReplaceAllString(s, "$1"), "$1"))
}
