package faults

import (
	"net/http"
	"net/http/httptest"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/travishook/travishook/test/chat"
	"github.com/travishook/travishook/test/soak/victim"
)

// TestAChannelThatHangsForever: each team has a channel that answers and one that never does.
func TestAChannelThatHangsForever(t *testing.T) {
	t.Parallel()
	s := &installation{t: t, WithT: NewWithT(t)}
	s.SetDefaultEventuallyTimeout(timeout)
	var hung *chat.Channel
	for _, r := range []**chat.Channel{&s.channel, &hung} {
		var err error
		*r, err = chat.Open()
		s.Expect(err).NotTo(HaveOccurred())
		t.Cleanup((*r).Close)
	}
	released := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if number, err := victim.ParseChannel(req.URL.Path); err != nil || number%2 == 0 {
			s.channel.ServeHTTP(w, req)
			return
		}
		select {
		case <-released:
			hung.ServeHTTP(w, req)
		case <-req.Context().Done():
		}
	}))
	t.Cleanup(server.Close)
	s.start(victim.Store{Dir: t.TempDir()}, victim.Tenants{Teams: teams, ChannelsPerTeam: 2, URL: server.URL})

	s.postStored(1, 10*teams)
	s.Eventually(s.delivered).Should(ConsistOf(s.accepted), "other channels are not affected")
	s.Expect(hung.Messages()).To(BeEmpty())
	s.Expect(s.ready()).To(BeEmpty())

	close(released)
	s.Eventually(func() []string { return builds(hung) }).Should(ConsistOf(s.accepted))
}
