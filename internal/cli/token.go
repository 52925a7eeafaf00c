package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/travishook/travishook/internal/secret"
	"github.com/travishook/travishook/internal/suggest"
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

The token authorizes the namespace for the repository. The command reads it from standard input, or
generates one with --generate, and stores it in a Secret. Travis gets only a proof at the end of the
webhook URL: a SHA-256 of the repository and the token.

Spell the repository as Travis does: the proof is case-sensitive.`,
		Example: `  # Generate a token
  kubectl travis token example/example --generate

  # Use an existing token, such as TravisHook's
  kubectl travis token example/example < token.txt

  # Print the webhook URL again, if you may read the Secret
  kubectl travis token example/example --url

  # Rotate without a gap: add a second token, change the URL at Travis, delete the first
  kubectl travis token example/example --generate --rotate
  kubectl travis token example/example --delete --secret travis-token-example-example

  # Print a manifest for a tool that encrypts Secrets; the URL goes to standard error
  kubectl travis token example/example --generate --dry-run=client -o yaml`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 2 {
				return usage("a token on the command line is saved in the shell's history: pass it on standard input, or use --from-literal")
			}
			return arguments(1, 1, form)(cmd, args)
		},
		ValidArgsFunction: completeRepositories(e),
		RunE:              func(cmd *cobra.Command, args []string) error { return v.run(cmd.Context(), args[0]) },
	}
	flags := cmd.Flags()
	flags.BoolVar(&v.generate, "generate", false, "Generate a random token.")
	flags.BoolVar(&v.rotate, "rotate", false, "Add another token to the existing ones.")
	flags.BoolVar(&v.show, "url", false, "Print the webhook URL of the existing tokens.")
	flags.BoolVar(&v.delete, "delete", false, "Delete the token.")
	flags.StringVar(&v.secret, "secret", "", "With --url or --delete: the token's Secret. Required to delete one of several tokens.")
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
		if len(old) == 0 {
			return v.noToken(ctx, c, namespace, repository, tokens)
		}
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
		return fmt.Errorf("%s has no token in namespace %s yet: omit --rotate", repository, namespace)
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
		return usage("--url and --delete apply to existing tokens: use only one of them, without --generate, --from-literal or --rotate")
	case v.secret != "" && !v.show && !v.delete:
		return usage("--secret needs --url or --delete")
	case v.url != "":
		return checkPublicURL(v.url)
	}
	return nil
}

func (v *tokenCommand) create(ctx context.Context, c client.Client, namespace, repository string, tokens, old []corev1.Secret) error {
	if len(old) == 0 && c != nil {
		if err := v.checkUnlabeled(ctx, c, namespace, repository); err != nil {
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
		return token, usage("no token on standard input: pass one, or generate one with --generate")
	}
	if strings.ContainsAny(token.Reveal(), "\r\n") {
		return token, errors.New("the token has several lines: it must be one line")
	}
	return token, nil
}

// noToken is the error that a repository has no token in the namespace.
func (v *tokenCommand) noToken(ctx context.Context, c client.Client, namespace, repository string, tokens []corev1.Secret) error {
	if err := v.checkUnlabeled(ctx, c, namespace, repository); err != nil {
		return err
	}
	known := make([]string, len(tokens))
	for i := range tokens {
		known[i] = tokenRepository(&tokens[i])
	}
	switch near := suggest.Nearest(repository, known); {
	case near != "":
		return fmt.Errorf("%s has no token in namespace %s; did you mean %s?", repository, namespace, near)
	case v.delete:
		return fmt.Errorf("%s has no token in namespace %s", repository, namespace)
	}
	return fmt.Errorf("%s has no token in namespace %s: create one with kubectl travis token %[1]s --generate", repository, namespace)
}

// chosen selects the Secret of --secret, or all.
func (v *tokenCommand) chosen(tokens []corev1.Secret, namespace, repository string) ([]corev1.Secret, error) {
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
		return fmt.Errorf("the Secret %s was not created by kubectl travis: delete it with kubectl delete secret -n %s %[1]s", s.Name, s.Namespace)
	}
	if err := v.writer.checkOwner(s, nil); err != nil {
		return err
	}
	return v.writer.remove(ctx, c, withoutData(s))
}
