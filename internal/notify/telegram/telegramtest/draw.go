package telegramtest

import (
	"encoding/json"
	"strings"
	"unicode/utf16"

	"github.com/travishook/travishook/internal/notify/notifytest"
	"github.com/travishook/travishook/test/picture"
)

// Draw implements notifytest.Drawer.
func (Harness) Draw(got notifytest.Received) (picture.Post, error) {
	post := picture.Post{From: "Travis CI", Tag: "bot"}
	var m message
	if err := json.Unmarshal(got.Raw, &m); err != nil {
		return post, err
	}
	text := utf16.Encode([]rune(m.Text))
	var (
		line picture.Line
		end  int
	)
	plain := func(words string) {
		if before, after, found := strings.Cut(words, "@"+person); found {
			line = append(line, picture.Text(before), picture.Mention("@ada"), picture.Text(after))
			return
		}
		line = append(line, picture.Text(words))
	}
	for _, e := range m.Entities {
		plain(string(utf16.Decode(text[end:e.Offset])))
		end = e.Offset + e.Length
		line = append(line, picture.Link(string(utf16.Decode(text[e.Offset:end]))))
	}
	plain(string(utf16.Decode(text[end:])))
	post.Parts = []picture.Part{{Lines: []picture.Line{line}}}
	return post, nil
}
