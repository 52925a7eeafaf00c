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
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/secret"
	"github.com/travishook/travishook/internal/verify"
)

// tokenCommand holds the arguments and flags of token.
type tokenCommand struct {
	env      *environment
	writer   *writer
	generate bool
	rotate   bool
	show     bool
	delete   bool
	secret   string
	literal  string
	url      string
}

func newToken(e *environment) *cobra.Command {
	v := &tokenCommand{env: e}
	const form = "token REPO"
	cmd := &cobra.Command{
		Use:     form,
		GroupID: groupRoutes,
		Short:   "Set the token of a repository, and print the webhook URL for .travis.yml",
		Long: `Set the token of a repository, and print the webhook URL for .travis.yml.

The token authorizes the namespace for the repository. It is read from the standard input or made
with --generate, and stored in a Secret. Travis gets only a proof at the end of the webhook URL: a
SHA-256 of repository and token.

Spell the repository as Travis does: the proof depends on upper and lower case.`,
		Example: `  # Make a token
  kubectl travis token example/example --generate

  # Use an existing token, such as TravisHook's
  kubectl travis token example/example < token.txt

  # Print the webhook URL again, with the right to read the Secret
  kubectl travis token example/example --url

  # Rotate without a gap: add a second token, change the URL at Travis, delete the first
  kubectl travis token example/example --generate --rotate
  kubectl travis token example/example --delete --secret travis-token-example-example

  # Print a manifest for a tool that encrypts Secrets; the URL goes to the standard error
  kubectl travis token example/example --generate --dry-run=client -o yaml`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 2 {
				return usage("a token in the command line is saved in the shell's history: pass it on the standard input, or use --from-literal")
			}
			return arguments(1, 1, form)(cmd, args)
		},
		ValidArgsFunction: completeRepositories(e),
		RunE:              func(cmd *cobra.Command, args []string) error { return v.run(cmd.Context(), args[0]) },
	}
	flags := cmd.Flags()
	flags.BoolVar(&v.generate, "generate", false, "Make a random token.")
	flags.BoolVar(&v.rotate, "rotate", false, "Add another token to the existing ones.")
	flags.BoolVar(&v.show, "url", false, "Print the webhook URL of the existing tokens.")
	flags.BoolVar(&v.delete, "delete", false, "Delete the token.")
	flags.StringVar(&v.secret, "secret", "", "With --url or --delete: the token's Secret. Needed to delete one of several.")
	flags.StringVar(&v.literal, "from-literal", "", "The token itself. It is saved in the shell's history.")
	flags.StringVar(&v.url, "public-url", "", "The receiver's public URL. Default: from the operator's settings, if you may read them.")
	v.writer = newWriter(e, cmd)
	return cmd
}

func (v *tokenCommand) run(ctx context.Context, repository string) error {
	if err := v.check(repository); err != nil {
		return err
	}
	c, namespace, err := v.writer.connect(ctx)
	if err != nil {
		return err
	}
	var tokens []corev1.Secret
	if c != nil {
		if tokens, err = readTokens(ctx, c, namespace); err != nil {
			return err
		}
	}
	old := slices.DeleteFunc(slices.Clone(tokens), func(s corev1.Secret) bool { return !isTokenOf(&s, repository) })
	switch {
	case v.show || v.delete:
		if old, err = v.chosen(old, namespace, repository); err != nil {
			return err
		}
		if v.show {
			return v.showURLs(ctx, c, repository, old)
		}
		return v.deleteToken(ctx, c, repository, old)
	case len(old) > 0 && !v.rotate:
		return fmt.Errorf("%s already has a token in namespace %s (Secret %s): print its webhook URL with --url, or add another token with --rotate",
			repository, namespace, secretNames(old))
	case len(old) == 0 && v.rotate:
		return fmt.Errorf("%s has no token in namespace %s yet: leave --rotate out", repository, namespace)
	}
	return v.create(ctx, c, namespace, repository, tokens, old)
}

// check validates the arguments and flags.
func (v *tokenCommand) check(repository string) error {
	if err := v.writer.check(); err != nil {
		return err
	}
	if err := checkRepository(repository); err != nil {
		return err
	}
	if v.generate && v.literal != "" {
		return usage("use either --generate or --from-literal")
	}
	return v.checkExisting()
}

// checkExisting validates the flags about existing tokens, and the URL.
func (v *tokenCommand) checkExisting() error {
	switch {
	case v.show && v.delete, (v.show || v.delete) && (v.generate || v.rotate || v.literal != ""):
		return usage("--url and --delete stand alone: each is about the existing tokens")
	case v.secret != "" && !v.show && !v.delete:
		return usage("--secret needs --url or --delete")
	case v.url != "":
		return checkPublicURL(v.url)
	}
	return nil
}

func (v *tokenCommand) create(ctx context.Context, c client.Client, namespace, repository string, tokens, old []corev1.Secret) error {
	if len(old) == 0 && c != nil {
		if err := v.checkUnlabelled(ctx, c, namespace, repository); err != nil {
			return err
		}
	}
	token, err := v.token(repository)
	if err != nil {
		return err
	}
	for i := range old {
		if tokenOf(&old[i]) == token.Reveal() {
			return fmt.Errorf("the Secret %s already has this token: rotate to a different one", old[i].Name)
		}
	}
	s := tokenSecret(namespace, "", repository, token)
	if err := v.createSecret(ctx, c, s, tokens); err != nil {
		return err
	}
	return v.explain(ctx, c, repository, token, old)
}

// checkUnlabelled finds the token Secret that only lacks its label, so that none is made beside it.
func (v *tokenCommand) checkUnlabelled(ctx context.Context, c client.Client, namespace, repository string) error {
	var list corev1.SecretList
	err := c.List(ctx, &list, client.InNamespace(namespace), client.MatchingFields{"type": string(corev1.SecretTypeOpaque)})
	if apierrors.IsForbidden(err) {
		return nil
	}
	for i := range list.Items {
		s := &list.Items[i]
		if _, labelled := s.Labels[v1alpha1.LabelSecretType]; !labelled && isTokenOf(s, repository) && len(s.Data["token"]) > 0 {
			return fmt.Errorf("the Secret %s has a token of %s but not the label that the operator looks for: kubectl label secret -n %s %[1]s %[4]s=%[5]s",
				s.Name, repository, namespace, v1alpha1.LabelSecretType, v1alpha1.SecretTypeToken)
		}
	}
	return err
}

// createSecret creates s under the first name that is free.
func (v *tokenCommand) createSecret(ctx context.Context, c client.Client, s *corev1.Secret, tokens []corev1.Secret) error {
	base := objectName("travis token", tokenRepository(s))
	for n := 1; ; n++ {
		if s.Name = base; n > 1 {
			s.Name = fmt.Sprintf("%s-%d", base, n)
		}
		if slices.ContainsFunc(tokens, func(o corev1.Secret) bool { return o.Name == s.Name }) {
			continue
		}
		err := v.writer.create(ctx, c, s)
		if !apierrors.IsAlreadyExists(err) || n > maxTokens {
			return err
		}
	}
}

// maxTokens bounds the search for a free name.
const maxTokens = 100

// tokenSecret returns a Secret as the operator reads it.
func tokenSecret(namespace, name, repository string, token secret.Value) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: name,
			Labels: map[string]string{v1alpha1.LabelSecretType: v1alpha1.SecretTypeToken, labelManagedBy: manager},
		},
		Data: map[string][]byte{"repository": []byte(repository), "token": []byte(token.Reveal())},
	}
}

// token returns the new token.
func (v *tokenCommand) token(repository string) (secret.Value, error) {
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
		return token, usage("no token on the standard input: pass one, or make one with --generate")
	}
	if strings.ContainsAny(token.Reveal(), "\r\n") {
		return token, errors.New("the token has several lines: it must be one line")
	}
	return token, nil
}

// chosen selects the Secret of --secret, or all.
func (v *tokenCommand) chosen(tokens []corev1.Secret, namespace, repository string) ([]corev1.Secret, error) {
	if len(tokens) == 0 {
		return nil, fmt.Errorf("%s has no token in namespace %s: make one with kubectl travis token %[1]s --generate", repository, namespace)
	}
	if v.secret == "" {
		return tokens, nil
	}
	i := slices.IndexFunc(tokens, func(s corev1.Secret) bool { return s.Name == v.secret })
	if i < 0 {
		return nil, fmt.Errorf("no Secret %q with a token of %s in namespace %s; there are: %s", v.secret, repository, namespace, secretNames(tokens))
	}
	return tokens[i : i+1], nil
}

func (v *tokenCommand) deleteToken(ctx context.Context, c client.Client, repository string, tokens []corev1.Secret) error {
	if len(tokens) > 1 {
		return fmt.Errorf("%s has %d tokens: choose one with --secret: %s", repository, len(tokens), secretNames(tokens))
	}
	s := &tokens[0]
	if s.Labels[labelManagedBy] != manager {
		return fmt.Errorf("the Secret %s was not made by kubectl travis: delete it with kubectl delete secret -n %s %[1]s", s.Name, s.Namespace)
	}
	if err := v.writer.checkOwner(s, nil); err != nil {
		return err
	}
	return v.writer.remove(ctx, c, withoutData(s))
}

// isTokenOf reports whether a Secret has a token of the repository.
func isTokenOf(s *corev1.Secret, repository string) bool {
	return strings.EqualFold(tokenRepository(s), repository)
}

func tokenRepository(s *corev1.Secret) string {
	return strings.TrimSuffix(string(s.Data["repository"]), "\n")
}

func tokenOf(s *corev1.Secret) string { return strings.TrimSuffix(string(s.Data["token"]), "\n") }

func secretNames(secrets []corev1.Secret) string {
	all := make([]string, len(secrets))
	for i := range secrets {
		all[i] = secrets[i].Name
	}
	return strings.Join(all, ", ")
}

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
		v.env.note("note: the Secret spells the repository %s; the proof depends on the spelling, which must be that of Travis", spelled)
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
