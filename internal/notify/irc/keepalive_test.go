package irc

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/notify/irc/irctest/talk"
)

func deliverOne(t *testing.T, n *notifier) {
	t.Helper()
	if _, err := n.Notify(t.Context(), notify.Message{ID: strings.Repeat("0", 32), Address: "#builds", Text: "passed"}); err != nil {
		t.Fatal(err)
	}
}

func TestADeadServerEndsTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var dead atomic.Bool
		n := plainNotifier(t, dialTo(func(line string) []string {
			if dead.Load() {
				return []string{}
			}
			return talk.Welcome(line)
		}))
		deliverOne(t, n)
		time.Sleep(10 * defaultTiming.ping)
		if !n.Connected() {
			t.Error("a server that answers is left")
		}
		dead.Store(true)
		time.Sleep(defaultTiming.ping + defaultTiming.answer + time.Second)
		if n.Connected() {
			t.Error("a server that does not answer is kept")
		}
		_ = n.Close()
	})
}

func TestTheConfiguredNicknameIsRequestedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var requested []string
		n := plainNotifier(t, dialTo(func(line string) []string {
			if strings.HasPrefix(line, "JOIN ") {
				return []string{":travis-ci-2!travis@host.test JOIN #builds"}
			}
			nickname, ok := strings.CutPrefix(line, "NICK ")
			if !ok {
				return talk.Welcome(line)
			}
			requested = append(requested, nickname)
			switch {
			case len(requested) == 1:
				return []string{":irc.test 433 * travis-ci :Nickname is already in use"}
			case nickname == "travis-ci":
				return []string{":travis-ci-2!travis@host.test NICK travis-ci"}
			}
			return talk.Welcome(line)
		}))
		deliverOne(t, n)
		time.Sleep(10 * defaultTiming.ping)
		_ = n.Close()
		if want := []string{"travis-ci", "travis-ci-2", "travis-ci"}; !slices.Equal(requested, want) {
			t.Errorf("requested %q, want %q", requested, want)
		}
	})
}
