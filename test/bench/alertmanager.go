package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/travishook/travishook/test/port"
)

// alertmanagerEnv is the variable with the path of Alertmanager's binary. It is a useful comparison because
// it also relays from a POST to a webhook, but stores and verifies nothing. If empty, it is left out.
const alertmanagerEnv = "TRAVISHOOK_ALERTMANAGER"

// alertmanager is a running Alertmanager that sends each alert to a sink at once.
type alertmanager struct {
	address string
	sink    *sink
	cmd     *exec.Cmd
}

// alertmanagerConfig makes every alert a group of its own that is sent at once.
const alertmanagerConfig = `
route: {receiver: sink, group_by: ["..."], group_wait: 0s, group_interval: 1h, repeat_interval: 24h}
receivers:
- name: sink
  webhook_configs: [{url: "%s/take", send_resolved: false}]
`

func startAlertmanager(ctx context.Context, binary, dir string) (*alertmanager, error) {
	sink, err := openSink(0)
	if err != nil {
		return nil, err
	}
	a := &alertmanager{sink: sink}
	if a.address, err = port.Free(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	config := filepath.Join(dir, "alertmanager.yaml")
	if err := os.WriteFile(config, fmt.Appendf(nil, alertmanagerConfig, sink.url), 0o600); err != nil {
		return nil, err
	}
	a.cmd = exec.CommandContext(ctx, binary, "--config.file="+config, "--storage.path="+dir,
		"--web.listen-address="+a.address, "--cluster.listen-address=", "--log.level=error")
	a.cmd.Stderr = os.Stderr
	if err := a.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start Alertmanager: %w", err)
	}
	err = until(ctx, func() bool { return a.ready(ctx) })
	if err != nil {
		a.stop()
		return nil, fmt.Errorf("start Alertmanager: %w", err)
	}
	return a, nil
}

func (a *alertmanager) ready(ctx context.Context) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+a.address+"/-/ready", http.NoBody)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	response.Body.Close()
	return response.StatusCode == http.StatusOK
}

func (a *alertmanager) stop() {
	_ = a.cmd.Process.Kill()
	_ = a.cmd.Wait()
	a.sink.close()
}

// alerts returns requests that post one alert for each webhook, with about as much text.
func alerts(webhooks []webhook) []webhook {
	described := strings.Repeat("A commit message of some lines. ", 8)
	requests := make([]webhook, len(webhooks))
	for i, w := range webhooks {
		body := fmt.Sprintf(`[{"labels":{"alertname":"build","mark":"%d","repository":"team/project-%d"},`+
			`"annotations":{"summary":"build/%d: passed for push to main","description":"%s"},"startsAt":"%s"}]`,
			w.mark+1, w.mark, w.mark, described, time.Now().UTC().Format(time.RFC3339))
		requests[i] = webhook{mark: w.mark, raw: fmt.Appendf(nil,
			"POST /api/v2/alerts HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)}
	}
	return requests
}

// relay posts an alert for each webhook at a rate and waits until all of them have arrived.
func (a *alertmanager) relay(ctx context.Context, webhooks []webhook, rate int) (delays, error) {
	return relay(ctx, relayed{a.address, a.sink, http.StatusOK}, alerts(webhooks), rate)
}

// relayAlerts measures Alertmanager as relayOnce measures the operator.
func (b *benchmark) relayAlerts(ctx context.Context, binary string, rate int) (delays, error) {
	dir := b.newStore()
	defer os.RemoveAll(dir)
	a, err := startAlertmanager(ctx, binary, dir)
	if err != nil {
		return nil, err
	}
	defer a.stop()
	supply := b.supply()
	if _, err := a.relay(ctx, supply.take(b.liveChannels), busyRate); err != nil {
		return nil, err
	}
	return a.relay(ctx, supply.during(b.quiet, rate), rate)
}
