package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/travishook/travishook/api/v1alpha1"
)

// messageFlags set the parts of a message other than its text. An empty value removes a part.
type messageFlags struct {
	updates, mention string
	silent           []string
	silentEvents     []v1alpha1.EventName
}

var (
	updatesValues = []string{string(v1alpha1.UpdatesSeparate), string(v1alpha1.UpdatesEdit), string(v1alpha1.UpdatesThread)}
	mentionValues = []string{string(v1alpha1.MentionNone), string(v1alpha1.MentionAuthor), string(v1alpha1.MentionAuthorAndPullRequests)}
)

// noEvents is the value of --silent for no event, whatever the defaults are.
const noEvents = "none"

func (m *messageFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&m.updates, "updates", "", "What a later state of a build does to its message: Separate, Edit or Thread. Empty: as in the defaults.")
	flags.StringVar(&m.mention, "mention", "", "Whom the message about a broken build mentions: None, Author or AuthorAndPullRequests. Empty: as in the defaults.")
	flags.StringSliceVar(&m.silent, "silent", nil, "The events whose messages notify nobody, or none. Empty: as in the defaults.")
	must(cmd.RegisterFlagCompletionFunc("updates", cobra.FixedCompletions(updatesValues, cobra.ShellCompDirectiveNoFileComp)))
	must(cmd.RegisterFlagCompletionFunc("mention", cobra.FixedCompletions(mentionValues, cobra.ShellCompDirectiveNoFileComp)))
}

// check validates the values; upper and lower case do not matter.
func (m *messageFlags) check() (err error) {
	for _, f := range []struct {
		name   string
		value  *string
		values []string
	}{{"updates", &m.updates, updatesValues}, {"mention", &m.mention, mentionValues}} {
		i := slices.IndexFunc(f.values, func(v string) bool { return strings.EqualFold(v, *f.value) })
		switch {
		case i >= 0:
			*f.value = f.values[i]
		case *f.value != "":
			return usage("--%s is %s, not %q", f.name, strings.Join(f.values, ", "), *f.value)
		}
	}
	if slices.Equal(m.silent, []string{noEvents}) {
		m.silentEvents = []v1alpha1.EventName{} // unlike nil, which leaves them to the defaults
		return nil
	}
	m.silentEvents, err = parseEvents(m.silent, "--silent takes events, or none")
	return err
}

// apply returns the message with the values of the flags that are set; nil if the result is empty.
func (m *messageFlags) apply(flags *pflag.FlagSet, message *v1alpha1.MessageTemplate) *v1alpha1.MessageTemplate {
	out := message.DeepCopy()
	if out == nil {
		out = &v1alpha1.MessageTemplate{}
	}
	if flags.Changed("updates") {
		out.Updates = v1alpha1.Updates(m.updates)
	}
	if flags.Changed("mention") {
		out.Mention = v1alpha1.Mention(m.mention)
	}
	if flags.Changed("silent") {
		out.Silent = m.silentEvents
	}
	if out.Text == "" && out.Updates == "" && out.Mention == "" && out.Silent == nil {
		return nil
	}
	return out
}
