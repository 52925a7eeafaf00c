package emailtest

import (
	"errors"
	"io"
	"mime"
	"regexp"
	"strings"

	"golang.org/x/net/html"

	"github.com/travishook/travishook/internal/notify/notifytest"
	"github.com/travishook/travishook/test/picture"
)

// Draw implements notifytest.Drawer. It shows the HTML part below the subject.
func (Harness) Draw(got notifytest.Received) (picture.Post, error) {
	subject, err := new(mime.WordDecoder).DecodeHeader(parse(got.Raw).Header.Get("Subject"))
	if err != nil {
		return picture.Post{}, err
	}
	parts, err := Parts(got.Raw)
	if err != nil {
		return picture.Post{}, err
	}
	body, err := page(parts[1])
	return picture.Post{
		From: "Travis CI", Tag: "<ci@example.com>",
		Parts: []picture.Part{{Lines: []picture.Line{{picture.Bold(subject)}}}, body},
	}, err
}

var (
	barColour  = regexp.MustCompile(`border-left:4px solid (#[0-9a-f]{6})`)
	textColour = regexp.MustCompile(`(?:^|;)color:(#[0-9a-f]{6})`)
)

// page reads the elements that the mails use: paragraphs, tables of which each row is a line, breaks and links.
func page(source string) (picture.Part, error) {
	var (
		part picture.Part
		line picture.Line
		run  picture.Run
	)
	end := func() {
		if len(line) > 0 {
			part.Lines, line = append(part.Lines, line), nil
		}
	}
	tokens := html.NewTokenizer(strings.NewReader(source))
	for {
		kind := tokens.Next()
		token := tokens.Token()
		style := ""
		for _, a := range token.Attr {
			if a.Key == "style" {
				style = a.Val
			}
		}
		switch {
		case kind == html.ErrorToken && errors.Is(tokens.Err(), io.EOF):
			end()
			return part, nil
		case kind == html.ErrorToken:
			return part, tokens.Err()
		case kind == html.TextToken && strings.TrimSpace(token.Data) != "":
			run.Words = strings.ReplaceAll(token.Data, "\n", "")
			line = append(line, run)
		case kind == html.EndTagToken && (token.Data == "p" || token.Data == "tr"), kind == html.StartTagToken && token.Data == "br":
			end()
		case kind == html.EndTagToken && token.Data == "td":
			line = append(line, picture.Text("   "))
			run = picture.Run{}
		case kind == html.EndTagToken:
			run = picture.Run{}
		case kind == html.StartTagToken && token.Data == "a":
			run = picture.Link("")
		case kind == html.StartTagToken:
			run = picture.Run{}
			if c := textColour.FindStringSubmatch(style); c != nil {
				run.Colour = c[1]
			}
			if c := barColour.FindStringSubmatch(style); c != nil {
				part.Bar = c[1]
			}
		}
	}
}
