package notifytest

import (
	"errors"
	"io"
	"regexp"
	"strings"

	"golang.org/x/net/html"

	"github.com/travishook/travishook/test/picture"
)

var (
	barColor  = regexp.MustCompile(`border-left:4px solid (#[0-9a-f]{6})`)
	textColor = regexp.MustCompile(`(?:^|;)color:(#[0-9a-f]{6})`)
)

// DrawHTML reads the elements that messages use: paragraphs, tables of which each row is a line, breaks and links. A
// link to matrix.to is a mention.
func DrawHTML(source string) (picture.Part, error) {
	var (
		part picture.Part
		line picture.Line
		run  picture.Run
	)
	end := func() {
		for _, r := range line {
			if strings.TrimSpace(r.Words) != "" {
				part.Lines = append(part.Lines, line)
				break
			}
		}
		line = nil
	}
	tokens := html.NewTokenizer(strings.NewReader(source))
	for {
		kind := tokens.Next()
		token := tokens.Token()
		style, target := "", ""
		for _, a := range token.Attr {
			switch a.Key {
			case "style":
				style = a.Val
			case "href":
				target = a.Val
			}
		}
		switch {
		case kind == html.ErrorToken && errors.Is(tokens.Err(), io.EOF):
			end()
			return part, nil
		case kind == html.ErrorToken:
			return part, tokens.Err()
		case kind == html.TextToken:
			if run.Words = strings.ReplaceAll(token.Data, "\n", ""); run.Words != "" {
				line = append(line, run)
			}
		case kind == html.EndTagToken && (token.Data == "p" || token.Data == "tr"), kind == html.StartTagToken && token.Data == "br":
			end()
		case kind == html.EndTagToken && token.Data == "td":
			line = append(line, picture.Text("   "))
			run = picture.Run{}
		case kind == html.EndTagToken:
			run = picture.Run{}
		case kind == html.StartTagToken && token.Data == "a" && strings.HasPrefix(target, "https://matrix.to/"):
			run = picture.Mention("")
		case kind == html.StartTagToken && token.Data == "a":
			run = picture.Link("")
		case kind == html.StartTagToken:
			run = picture.Run{}
			if c := textColor.FindStringSubmatch(style); c != nil {
				run.Color = c[1]
			}
			if c := barColor.FindStringSubmatch(style); c != nil {
				part.Bar = c[1]
			}
		}
	}
}
