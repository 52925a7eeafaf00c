package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/secret"
	"github.com/travishook/travishook/internal/verify"
)

// tokenVerb is what one call of token asks for.
type tokenVerb struct {
	env      *environment
	writer   *writer
	generate bool
	rotate   bool
	literal  string
	url      string
}

func newToken(e *environment) *cobra.Command {
	v := &tokenVerb{env: e}
	const form = "token REPO"
	cmd := &cobra.Command{
		Use:     form,
		GroupID: groupRoutes,
		Short:   "Give a repository its token, and print the webhook's URL for .travis.yml",
		Long: `Give a repository its token, and print the webhook's URL for .travis.yml.

The token shows that this namespace may hear of the repository. It is read from the standard input,
or made with --generate, and kept in a Secret. What Travis gets to know is only a proof made of it,
at the end of the webhook's URL. Neither can be asked for again.

Spell the repository as Travis does: the proof depends on upper and lower case.`,
		Example: `  # Make a token
  kubectl travis token example/example --generate

  # Take one that exists already, such as TravisHook's
  kubectl travis token example/example < token.txt

  # Replace it without a gap: add a second one, change the URL, then delete the first
  kubectl travis token example/example --generate --rotate

  # Make a manifest of it, for a tool that encrypts Secrets; the URL goes to the standard error
  kubectl travis token example/example --generate --dry-run=client -o yaml`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 2 {
				return usage("a token on the command line stays in the shell's history: give it on the standard input, or insist with --from-literal")
			}
			return arguments(1, 1, form)(cmd, args)
		},
		ValidArgsFunction: completeRoute(e),
		RunE:              func(cmd *cobra.Command, args []string) error { return v.run(cmd.Context(), args[0]) },
	}
	flags := cmd.Flags()
	flags.BoolVar(&v.generate, "generate", false, "Make a random token.")
	flags.BoolVar(&v.rotate, "rotate", false, "Add a second token beside the one that the repository has.")
	flags.StringVar(&v.literal, "from-literal", "", "The token itself. It stays in the shell's history.")
	flags.StringVar(&v.url, "url", "", "The receiver's public URL. Left out: what the operator's settings say, where you may read them.")
	v.writer = newWriter(e, cmd)
	return cmd
}

func (v *tokenVerb) run(ctx context.Context, repository string) error {
	if err := v.writer.check(); err != nil {
		return err
	}
	if err := checkRepository(repository); err != nil {
		return err
	}
	if v.generate && v.literal != "" {
		return usage("use either --generate or --from-literal")
	}
	c, namespace, err := v.env.connect()
	if err != nil {
		return err
	}
	tokens, err := readTokens(ctx, c, namespace)
	if err != nil {
		return err
	}
	old := slices.DeleteFunc(slices.Clone(tokens), func(s corev1.Secret) bool { return !isTokenOf(&s, repository) })
	switch {
	case len(old) > 0 && !v.rotate:
		return fmt.Errorf("%s has a token in namespace %s already (Secret %s), which cannot be shown again: add a second one with --rotate",
			repository, namespace, names(old))
	case len(old) == 0 && v.rotate:
		return fmt.Errorf("%s has no token in namespace %s yet: leave --rotate out", repository, namespace)
	}
	token, err := v.token(repository)
	if err != nil {
		return err
	}
	s := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace,
			Name:      v.name(tokens, repository),
			Labels:    map[string]string{v1alpha1.LabelSecretType: v1alpha1.SecretTypeToken, labelManagedBy: manager},
		},
		Data: map[string][]byte{"repository": []byte(repository), "token": []byte(token.Reveal())},
	}
	if err := v.writer.create(ctx, c, s); err != nil {
		return err
	}
	return v.explain(ctx, c, repository, token, old)
}

// token is the one that was asked for.
func (v *tokenVerb) token(repository string) (secret.Value, error) {
	if v.generate {
		return randomToken(), nil
	}
	token := secret.New(v.literal)
	if v.literal == "" {
		var err error
		if token, err = v.env.readCredential("token of " + repository); err != nil {
			return secret.Value{}, err
		}
	}
	if token.Empty() {
		return token, usage("there is no token on the standard input: write it there, or make one with --generate")
	}
	if strings.ContainsAny(token.Reveal(), "\r\n") {
		return token, errors.New("the token has several lines: it must be one")
	}
	return token, nil
}

// name is the first that is free.
func (v *tokenVerb) name(tokens []corev1.Secret, repository string) string {
	base := objectName("travis token", repository)
	name := base
	for n := 2; slices.ContainsFunc(tokens, func(s corev1.Secret) bool { return s.Name == name }); n++ {
		name = fmt.Sprintf("%s-%d", base, n)
	}
	return name
}

// isTokenOf reports whether a Secret holds a token of the repository.
func isTokenOf(s *corev1.Secret, repository string) bool {
	return strings.EqualFold(strings.TrimSuffix(string(s.Data["repository"]), "\n"), repository)
}

func names(secrets []corev1.Secret) string {
	all := make([]string, len(secrets))
	for i := range secrets {
		all[i] = secrets[i].Name
	}
	return strings.Join(all, ", ")
}

// explain prints what to do with the token now. Where the standard output is for a machine, that
// goes to the standard error.
func (v *tokenVerb) explain(ctx context.Context, c client.Client, repository string, token secret.Value, old []corev1.Secret) error {
	out := v.env.Out
	if *v.writer.output.OutputFormat != "" {
		out = v.env.ErrOut
	} else if v.writer.dry() {
		return nil
	}
	base, known := v.url, true
	if base == "" {
		base, known = v.env.publicURL(ctx, c)
	}
	address := strings.TrimRight(base, "/") + "/" + verify.Proof(repository, token)
	writeTravisYAML(out, repository, address)
	if !known {
		v.env.note("note: the receiver's public address is not known here: put yours in place of %s, or name it with --url", placeholderURL)
	}
	if len(old) > 0 {
		fmt.Fprintf(out, "\nBoth tokens are good until Travis uses the new URL. Then end with one:\n\n  kubectl delete secret -n %s %s\n",
			old[0].Namespace, strings.ReplaceAll(names(old), ",", ""))
	}
	return nil
}

func writeTravisYAML(out io.Writer, repository, address string) {
	fmt.Fprintf(out, `
The URL has the proof in it, so whoever can read it can use it; it cannot be shown again.
Put it into .travis.yml of %[1]s, in a private repository as it is:

notifications:
  webhooks:
    urls:
    - %[2]s

and in a public one encrypted, which this command does:

  travis encrypt --com --repo %[1]s --add notifications.webhooks.urls "%[2]s"

Routes that want pending also need on_start: always below webhooks.
`, repository, address)
}
