package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/notify/registry"
	"github.com/travishook/travishook/internal/routing"
)

// accountCommand holds the arguments and flags of account.
type accountCommand struct {
	env     *environment
	writer  *writer
	chosen  map[string]*bool // services by name
	fields  []string
	key     string
	cluster bool
	delete  bool
	check   bool
}

func newAccount(e *environment) *cobra.Command {
	v := &accountCommand{env: e, chosen: map[string]*bool{}}
	const form = "account NAME --SERVICE"
	cmd := &cobra.Command{
		Use:     form,
		GroupID: groupRoutes,
		Short:   "Set up an account on a chat service, with its credential",
		Long: `Set up an account on a chat service, with its credential.

The operator sends messages as an account. The command reads the credential from standard input: one
value, or lines KEY=VALUE. It checks the credential, stores it in a Secret, and adds the account to the
namespace's TravisDefaults.

` + describeServices(),
		Example: `  # A Slack app's bot token, for the whole cluster
  kubectl travis account slack --slack --cluster-wide < token.txt

  # Slack's incoming webhooks: the keys are the addresses of channels
  printf 'builds=https://hooks.slack.com/services/…\nreleases=https://…\n' | kubectl travis account hooks --slack

  # An XMPP account
  kubectl travis account jabber --xmpp --set jid=ci@example.com < password.txt

  # A mail server
  kubectl travis account mail --email --set server=smtp.example.com:587 --set from=ci@example.com < password.txt

  # Check first that the service accepts the credential
  kubectl travis account slack --slack --check < token.txt

  # Delete the account and the Secret
  kubectl travis account jabber --delete`,
		Args:              arguments(1, 1, form),
		ValidArgsFunction: completeAccountNames(e),
		RunE: func(cmd *cobra.Command, args []string) error {
			if v.delete && v.check {
				return usage("--delete needs no credential: omit --check")
			}
			if v.delete {
				return v.runDelete(cmd.Context(), args[0])
			}
			return v.run(cmd.Context(), args[0])
		},
	}
	for _, name := range serviceNames() {
		v.chosen[name] = cmd.Flags().Bool(name, false, "The account's service is "+registry.Services[name].Title+".")
	}
	cmd.Flags().StringArrayVar(&v.fields, "set", nil, "FIELD=VALUE in the account's block of TravisDefaults.")
	cmd.Flags().StringVar(&v.key, "key", "", "The Secret's key for a single value. Default: the service's main key.")
	cmd.Flags().BoolVar(&v.check, "check", false, "Before anything is written, check from this computer that the service accepts the credential. No message is sent.")
	cmd.Flags().BoolVar(&v.cluster, "cluster-wide", false, "Define the account for the whole cluster, in the operator's namespace.")
	cmd.Flags().BoolVar(&v.delete, "delete", false, "Delete the account, and its Secret if kubectl travis created it.")
	v.writer = newWriter(e, cmd)
	return cmd
}

func (v *accountCommand) run(ctx context.Context, name string) error {
	if err := v.writer.check(); err != nil {
		return err
	}
	service, err := v.service()
	if err != nil {
		return err
	}
	fields, err := parseFields(v.fields)
	if err != nil {
		return err
	}
	account := &v1alpha1.Account{}
	credential, err := v.credential(service, name)
	if err != nil {
		return err
	}
	var secretName string
	if len(credential) > 0 {
		secretName = objectName("travis account", name)
	}
	config, err := buildAccount(account, name, service, fields, secretName)
	if err != nil {
		return err
	}
	if err := routing.CheckAccount(service, config, credential); err != nil {
		return fmt.Errorf("account %s is invalid: %w%s", name, err, misspelledKey(service, credential))
	}
	if err := v.checkCredential(ctx, service, name, config, credential); err != nil {
		return err
	}
	c, namespace, err := v.writer.connect(ctx)
	if err != nil {
		return err
	}
	if v.cluster {
		namespace = v.env.operatorNamespace
	}
	if secretName == "" {
		return v.writeAccount(ctx, c, namespace, account)
	}
	return v.write(ctx, c, account, accountSecret(namespace, secretName, credential))
}

// service returns the chosen service.
func (v *accountCommand) service() (*notify.Service, error) {
	var chosen []string
	for name, is := range v.chosen {
		if *is {
			chosen = append(chosen, name)
		}
	}
	if len(chosen) != 1 {
		return nil, usage("choose one service: --%s", strings.Join(serviceNames(), ", --"))
	}
	service := registry.Services[chosen[0]]
	return &service, nil
}

func (v *accountCommand) credential(service *notify.Service, name string) (notify.Credential, error) {
	read, err := v.env.readCredential(cmp.Or(v.key, firstKey(service), "credential") + " of account " + name)
	if err != nil {
		return nil, err
	}
	if read.Empty() {
		if service.SecretOptional {
			return notify.Credential{}, nil
		}
		return nil, usage("no credential on standard input: pass one value, or lines KEY=VALUE")
	}
	return parseCredential(service, v.key, read), nil
}

// write writes the Secret and the account, or neither.
func (v *accountCommand) write(ctx context.Context, c client.Client, account *v1alpha1.Account, s *corev1.Secret) error {
	existing, err := v.existingSecret(ctx, c, s)
	if err != nil {
		return err
	}
	before, after, err := withAccount(ctx, c, s.Namespace, account)
	if err != nil {
		return err
	}
	if before != nil {
		if err := v.writer.checkOwner(before, after); err != nil {
			return err
		}
	}
	if !v.writer.dry() {
		if err := dryRunDefaults(ctx, c, before, after); err != nil {
			return err
		}
	}
	if existing == nil {
		err = v.writer.create(ctx, c, s)
	} else {
		wanted := existing.DeepCopy()
		wanted.Data = s.Data
		err = v.writer.update(ctx, c, existing, wanted)
	}
	if err != nil {
		return err
	}
	if before == nil {
		err = v.writer.create(ctx, c, after)
	} else {
		err = v.writer.update(ctx, c, before, after)
	}
	if err != nil && existing == nil && !v.writer.dry() {
		return errors.Join(err, c.Delete(ctx, s))
	}
	return err
}

// writeAccount writes an account that needs no Secret.
func (v *accountCommand) writeAccount(ctx context.Context, c client.Client, namespace string, account *v1alpha1.Account) error {
	before, after, err := withAccount(ctx, c, namespace, account)
	if err != nil {
		return err
	}
	if before == nil {
		return v.writer.create(ctx, c, after)
	}
	if err := v.writer.checkOwner(before, after); err != nil {
		return err
	}
	return v.writer.update(ctx, c, before, after)
}

// dryRunDefaults has the API server validate the defaults before the Secret is written.
func dryRunDefaults(ctx context.Context, c client.Client, before, after *v1alpha1.TravisDefaults) error {
	dry := client.NewDryRunClient(c)
	if before == nil {
		return dry.Create(ctx, after.DeepCopy())
	}
	return dry.Update(ctx, after.DeepCopy())
}

// withAccount returns the namespace's defaults without and with the account; before is nil if there
// are none.
func withAccount(ctx context.Context, c client.Client, namespace string, account *v1alpha1.Account) (before, after *v1alpha1.TravisDefaults, err error) {
	if c != nil {
		if before, err = readDefaults(ctx, c, namespace); err != nil {
			return nil, nil, err
		}
	}
	if after = before.DeepCopy(); after == nil {
		after = &v1alpha1.TravisDefaults{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: v1alpha1.DefaultsName}}
	}
	putAccount(after, account)
	return before, after, nil
}

// existingSecret returns the Secret to replace, nil if there is none. One that somebody else made is
// an error.
func (v *accountCommand) existingSecret(ctx context.Context, c client.Client, s *corev1.Secret) (*corev1.Secret, error) {
	if c == nil {
		return nil, nil
	}
	var existing corev1.Secret
	err := c.Get(ctx, types.NamespacedName{Namespace: s.Namespace, Name: s.Name}, &existing)
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, err
	case existing.Labels[labelManagedBy] != manager:
		return nil, fmt.Errorf("the Secret %s in namespace %s already exists and was not created by kubectl travis: choose another name for the account", s.Name, s.Namespace)
	}
	return &existing, nil
}

func putAccount(d *v1alpha1.TravisDefaults, account *v1alpha1.Account) {
	i := slices.IndexFunc(d.Spec.Accounts, func(a v1alpha1.Account) bool { return a.Name == account.Name })
	if i < 0 {
		d.Spec.Accounts = append(d.Spec.Accounts, *account)
		return
	}
	replaced := *account
	replaced.AllowedNamespaces, replaced.AllowedAddresses = d.Spec.Accounts[i].AllowedNamespaces, d.Spec.Accounts[i].AllowedAddresses
	d.Spec.Accounts[i] = replaced
}

func accountSecret(namespace, name string, credential notify.Credential) *corev1.Secret {
	s := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: name,
			Labels: map[string]string{v1alpha1.LabelSecretType: v1alpha1.SecretTypeCredential, labelManagedBy: manager},
		},
		Data: map[string][]byte{},
	}
	for key, value := range credential {
		s.Data[key] = []byte(value.Reveal())
	}
	return s
}

func serviceNames() []string { return slices.Sorted(maps.Keys(registry.Services)) }
