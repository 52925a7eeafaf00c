package cli

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestCheck: the service is asked before anything is written, and the credential shows nowhere.
func TestCheck(t *testing.T) {
	const token = "123456789:AAq7ZsVw3dGkRt-hJ4mXc8pLbNy_0123456"
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		if strings.HasPrefix(r.URL.Path, "/moved/") {
			http.Redirect(w, r, "/", http.StatusFound)
			return
		}
		if r.URL.Path != "/bot"+token+"/getMe" || r.Method != http.MethodGet {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"ok":false,"error_code":401,"description":"Unauthorized: `+r.URL.Path+`"}`)
			return
		}
		_, _ = io.WriteString(w, `{"ok":true,"result":{"id":123456789,"is_bot":true,"username":"example_ci_bot"}}`)
	}))
	defer server.Close()
	telegram := func(server string) []string {
		return []string{"account", "chat", "--telegram", "--set", "server=" + server, "--check", "--dry-run=client", "-n", "team-a"}
	}
	for name, test := range map[string]struct {
		input string
		args  []string
		code  int
		asks  int
		want  string
	}{
		"accepted":          {token, telegram(server.URL), ExitOK, 1, "Telegram accepts the credential, as @example_ci_bot"},
		"refused":           {token + "x", telegram(server.URL), ExitError, 1, "Telegram rejects the credential of account chat: "},
		"redirected":        {token, telegram(server.URL + "/moved"), ExitError, 1, "the check of account chat on Telegram failed: get: answered 302"},
		"not to be reached": {token, telegram("http://127.0.0.1:1"), ExitError, 0, "could not check the credential of account chat from this computer"},
		"not asked for":     {token, append(telegram(server.URL), "--check=false"), ExitOK, 0, ""},
		"not to be checked": {
			"https://example.com/hook", []string{"account", "hook", "--webhook", "--check", "--dry-run=client", "-n", "team-a"}, ExitOK, 0,
			"note: the credential for Webhook was not checked: only a message shows",
		},
		"to delete": {"", []string{"account", "chat", "--delete", "--check"}, ExitUsage, 0, "omit --check"},
	} {
		t.Run(name, func(t *testing.T) {
			asked = 0
			code, out, errOut := execute(t, test.input, test.args...)
			if code != test.code || asked != test.asks || !strings.Contains(errOut, test.want) {
				t.Errorf("exit code %d, asked %d times\n%s%s", code, asked, out, errOut)
			}
			if strings.Contains(out+errOut, token) || (code == ExitOK) != strings.Contains(out, "created") {
				t.Errorf("printed\n%s%s", out, errOut)
			}
		})
	}
}
