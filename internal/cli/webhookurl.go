package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/travishook/travishook/internal/secret"
	"github.com/travishook/travishook/internal/verify"
)

// webhookURL returns the URL that Travis posts to. The proof depends on the spelling of the
// repository in the Secret.
func webhookURL(base, repository string, token secret.Value) string {
	return strings.TrimRight(base, "/") + "/" + verify.Proof(repository, token)
}

// base returns the receiver's public URL.
func (v *tokenCommand) base(ctx context.Context, c client.Client) (url string, known bool) {
	if v.url != "" {
		return v.url, true
	}
	return v.env.publicURL(ctx, c)
}

func (v *tokenCommand) noteURL(known bool) {
	if !known {
		v.env.note("note: the receiver's public URL is unknown: replace %s, or set it with --public-url", placeholderURL)
	}
}

// showURLs prints one URL a line, with the Secret's name if there are several.
func (v *tokenCommand) showURLs(ctx context.Context, c client.Client, repository string, tokens []corev1.Secret) error {
	base, known := v.base(ctx, c)
	for i := range tokens {
		url := webhookURL(base, tokenRepository(&tokens[i]), secret.New(tokenOf(&tokens[i])))
		if len(tokens) > 1 {
			url += "  # Secret " + tokens[i].Name
		}
		fmt.Fprintln(v.env.Out, url)
	}
	v.noteURL(known)
	if spelled := tokenRepository(&tokens[0]); spelled != repository {
		v.env.note("note: the Secret spells the repository %s; the proof depends on the spelling, which must be the same as at Travis", spelled)
	}
	return nil
}

// explain prints the webhook URL and how to use it: to the standard error if the standard output
// is a manifest.
func (v *tokenCommand) explain(ctx context.Context, c client.Client, repository string, token secret.Value, old []corev1.Secret) error {
	out := v.env.Out
	if *v.writer.output.OutputFormat != "" {
		out = v.env.ErrOut
	} else if v.writer.dry() {
		return nil
	}
	base, known := v.base(ctx, c)
	printTravisYAML(out, repository, webhookURL(base, repository, token))
	v.noteURL(known)
	if len(old) == 0 {
		return nil
	}
	both := "Both tokens are valid. When Travis uses the new URL, delete the old one:"
	if len(old) > 1 {
		both = fmt.Sprintf("All %d tokens are valid. When Travis uses the new URL, delete the old ones:", len(old)+1)
	}
	fmt.Fprintf(out, "\n%s\n\n", both)
	for i := range old {
		if old[i].Labels[labelManagedBy] == manager {
			fmt.Fprintf(out, "  kubectl travis token -n %s %s --delete --secret %s\n", old[i].Namespace, repository, old[i].Name)
		} else {
			fmt.Fprintf(out, "  kubectl delete secret -n %s %s\n", old[i].Namespace, old[i].Name)
		}
	}
	return nil
}

func printTravisYAML(out io.Writer, repository, url string) {
	fmt.Fprintf(out, `
Add the webhook URL to .travis.yml of %[1]s. Keep it secret: whoever knows it can use it.

notifications:
  webhooks:
    urls:
    - %[2]s

For a public repository, encrypt the URL:

  travis encrypt --com --repo %[1]s --add notifications.webhooks.urls "%[2]s"

For routes with the event pending, also add on_start: always below webhooks.
`, repository, url)
}
