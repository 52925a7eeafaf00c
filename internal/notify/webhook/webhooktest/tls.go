package webhooktest

import (
	"io"
	"log"
	"net/http/httptest"
	"testing"

	"github.com/travishook/travishook/internal/notify/notifytest"
)

// untrusted is a server whose certificate nobody knows.
func (h Harness) untrusted(t *testing.T) notifytest.Account {
	server := httptest.NewUnstartedServer(notifytest.Answers(200, nil, ""))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // it complains of clients that hang up
	server.StartTLS()
	t.Cleanup(server.Close)
	return h.account(server.URL)
}
