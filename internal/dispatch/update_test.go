package dispatch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/engine"
	"github.com/travishook/travishook/internal/routing"
	"github.com/travishook/travishook/internal/secret"
	"github.com/travishook/travishook/internal/travis"
)

// memoryService is a service in memory: what a channel shows, a line for each message, replies indented.
type memoryService struct {
	can     notify.Capabilities
	renames bool // an edit gives the message another handle

	mu       sync.Mutex
	calls    int
	lines    []string
	replies  map[int][]string
	refuse   error // of the next message
	notified int   // messages and replies
}

func (b *memoryService) service() notify.Service {
	return notify.Service{
		Name: "webhook", Forms: []notify.Capabilities{b.can},
		Check:   func(json.RawMessage, notify.Credential) error { return nil },
		Address: func(_ json.RawMessage, _ notify.Credential, address string) (string, error) { return address, nil },
		New:     func(json.RawMessage, notify.Credential, notify.Deps) (notify.Notifier, error) { return b, nil },
	}
}

func (*memoryService) Close() error { return nil }

func (b *memoryService) Notify(_ context.Context, m notify.Message) (notify.Receipt, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls++
	if err := b.refuse; err != nil {
		b.refuse = nil
		return notify.Receipt{}, err
	}
	text := m.Event.Build.Number + " " + string(m.Event.Build.Result)
	if m.Update == nil {
		b.lines = append(b.lines, text)
		b.notified++
		return notify.Receipt{Handle: strconv.Itoa(len(b.lines) - 1)}, nil
	}
	number, _, _ := strings.Cut(m.Update.Handle, "/")
	n, err := strconv.Atoi(number)
	if err != nil || n >= len(b.lines) || b.lines[n] == "" {
		return notify.Receipt{}, notify.Gone(errors.New("no such message"))
	}
	b.lines[n] = text
	reply := ""
	for _, s := range m.Update.Reply {
		reply += s.Text
	}
	if m.Update.Thread {
		reply = text
	}
	if reply != "" {
		b.replies[n] = append(b.replies[n], reply)
		b.notified++
	}
	if b.renames {
		return notify.Receipt{Handle: number + "/" + strconv.Itoa(b.calls)}, nil
	}
	return notify.Receipt{Handle: m.Update.Handle}, nil
}

// String is what the channel shows.
func (b *memoryService) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []string
	for n, line := range b.lines {
		all = append(all, line)
		for _, r := range b.replies[n] {
			all = append(all, "  "+r)
		}
	}
	return strings.Join(all, "\n")
}

// delete deletes the nth message.
func (b *memoryService) delete(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lines[n] = ""
}

// updatedChannel is a channel of a route with updates, on a real store.
type updatedChannel struct {
	*testing.T
	service  *memoryService
	engine   *engine.Engine
	recorder *signalRecorder
	targets  []queue.Target
	runs     int
}

func newUpdatedChannel(t *testing.T, can notify.Capabilities, updates v1alpha1.Updates) *updatedChannel {
	t.Helper()
	b := &memoryService{can: can, replies: map[int][]string{}}
	services := map[string]notify.Service{"webhook": b.service()}
	w := fixture{routing.NewCompiler(routing.Config{OperatorNamespace: "system", Services: services})}
	w.putAccount("team", nil)
	w.PutSecret(routing.Secret{
		Namespace: credential.Namespace, Name: credential.Name, Type: v1alpha1.SecretTypeCredential,
		Data: map[string]secret.Value{"password": secret.New("correct horse")},
	})
	w.putRoute(&v1alpha1.MessageTemplate{Updates: updates}, "builds")
	l := &updatedChannel{T: t, service: b, engine: openStore(t), recorder: &signalRecorder{outcomes: make(chan queue.Outcome, 10)}}
	route, _ := w.Table().Route("team", "r")
	l.targets = route.Targets
	runDispatcher(t, Config{
		Queue: l.engine, Resolver: NewTableResolver(w.Table), Record: l.recorder,
		Pool: NewPool(PoolConfig{Services: services, Log: logr.Discard()}),
	})
	return l
}

// post accepts a state of build 7 and waits for its outcome. A pending one begins another run.
func (l *updatedChannel) post(result travis.Result) queue.Outcome {
	l.Helper()
	l.accept(result)
	return <-l.recorder.outcomes
}

func (l *updatedChannel) accept(result travis.Result) {
	l.Helper()
	if result == travis.Pending {
		l.runs++
	}
	state := map[travis.Result]string{travis.Pending: "started", travis.Broken: "failed", travis.Fixed: "passed"}[result]
	started := time.Date(2026, 11, 23, 12, l.runs, 0, 0, time.UTC)
	e := travis.Event{
		Repository: travis.Repository{ID: 1, Owner: "example", Name: "example"},
		Build:      travis.Build{ID: 7, Number: "7", Type: travis.Push, State: state, Result: result, Branch: "main", Started: started},
	}
	if result != travis.Pending {
		e.Build.Finished = started.Add(time.Minute)
	}
	r, err := l.engine.Accept(l.Context(), queue.Acceptance{Event: e, Received: time.Now(), Offers: []queue.Offer{{Namespace: "team", Targets: l.targets}}})
	if err != nil || len(r.Stored) != 1 {
		l.Fatalf("%s: %+v, %v", result, r, err)
	}
}

func (l *updatedChannel) shows(want ...string) {
	l.Helper()
	if diff := cmp.Diff(strings.Join(want, "\n"), l.service.String()); diff != "" {
		l.Errorf("the channel shows (-want +got):\n%s", diff)
	}
}

var (
	editsAndThreads = notify.Capabilities{Edit: true, Thread: true}
	neither         = notify.Capabilities{}
)

// TestOneMessageForEachBuild follows a build that breaks, and is fixed when it is restarted.
func TestOneMessageForEachBuild(t *testing.T) {
	for name, test := range map[string]struct {
		can     notify.Capabilities
		updates v1alpha1.Updates
		want    []string
	}{
		"Edit":                          {editsAndThreads, v1alpha1.UpdatesEdit, []string{"7 fixed", "  build/7: broken", "  build/7: fixed"}},
		"Edit, where an edit notifies":  {notify.Capabilities{Edit: true, Notifies: true}, v1alpha1.UpdatesEdit, []string{"7 fixed"}},
		"Edit, where nothing is edited": {neither, v1alpha1.UpdatesEdit, []string{"7 pending", "7 broken", "7 pending", "7 fixed"}},
		"Thread":                        {editsAndThreads, v1alpha1.UpdatesThread, []string{"7 fixed", "  7 broken", "  7 pending", "  7 fixed"}},
		"Thread, without threads":       {notify.Capabilities{Edit: true}, v1alpha1.UpdatesThread, []string{"7 pending", "7 broken", "7 pending", "7 fixed"}},
		"Separate":                      {editsAndThreads, v1alpha1.UpdatesSeparate, []string{"7 pending", "7 broken", "7 pending", "7 fixed"}},
		"omitted":                       {editsAndThreads, "", []string{"7 pending", "7 broken", "7 pending", "7 fixed"}},
	} {
		t.Run(name, func(t *testing.T) {
			l := newUpdatedChannel(t, test.can, test.updates)
			for _, result := range []travis.Result{travis.Pending, travis.Broken, travis.Pending, travis.Fixed} {
				if o := l.post(result); o.Kind != queue.Delivered {
					t.Fatalf("%s: %+v", result, o)
				}
			}
			l.shows(test.want...)
		})
	}
}

// TestAnEditMayChangeTheHandle: the message under its earlier handle is not taken for a copy.
// TestAnotherChannelGetsANewMessage: what was sent to one destination is never edited through another.
func TestAnotherChannelGetsANewMessage(t *testing.T) {
	service := (&memoryService{can: editsAndThreads}).service()
	w := newFixture(service, "#a")
	r, err := NewTableResolver(w.Table).Resolve(target("#a"))
	if err != nil {
		t.Fatal(err)
	}
	d := &queue.Delivery{Destination: "one", Shown: &queue.Shown{Handle: "7", Destination: "one"}}
	if u := earlierMessage(d, r, routing.Thread); u == nil || u.Handle != "7" || !u.Thread {
		t.Errorf("in the same channel, the update is %+v", u)
	}
	d.Shown.Destination = "another"
	if u := earlierMessage(d, r, routing.Thread); u != nil {
		t.Errorf("in another channel, the update is %+v", u)
	}
	d.Destination, d.Shown.Destination = "", ""
	if u := earlierMessage(d, r, routing.Thread); u != nil {
		t.Errorf("in an unknown channel, the update is %+v", u)
	}
}

// TestHowLongAMessageIsRemembered for later states.
func TestHowLongAMessageIsRemembered(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	week := now.Add(7 * 24 * time.Hour)
	long := strings.Repeat("h", notify.MaxHandle)
	for name, test := range map[string]struct {
		kind    queue.Kind
		updates routing.Updates
		receipt notify.Receipt
		want    *queue.Posted
	}{
		"a week":                          {queue.Delivered, routing.Edit, notify.Receipt{Handle: "7"}, &queue.Posted{Handle: "7", Until: week}},
		"as long as the service edits":    {queue.Delivered, routing.Edit, notify.Receipt{Handle: "7", Until: now.Add(time.Hour)}, &queue.Posted{Handle: "7", Until: now.Add(time.Hour)}},
		"at most a week":                  {queue.Delivered, routing.Thread, notify.Receipt{Handle: "7", Until: week.Add(time.Hour)}, &queue.Posted{Handle: "7", Until: week}},
		"the longest handle":              {queue.Delivered, routing.Edit, notify.Receipt{Handle: long}, &queue.Posted{Handle: long, Until: week}},
		"a longer one":                    {queue.Delivered, routing.Edit, notify.Receipt{Handle: long + "h"}, nil},
		"without a handle":                {queue.Delivered, routing.Edit, notify.Receipt{}, nil},
		"each state a message of its own": {queue.Delivered, routing.Separate, notify.Receipt{Handle: "7"}, nil},
		"what was not confirmed":          {queue.Retry, routing.Edit, notify.Receipt{Handle: "7"}, nil},
	} {
		o := queue.Outcome{Kind: test.kind}
		(&posted{receipt: test.receipt}).keep(&o, test.updates, now)
		if diff := cmp.Diff(test.want, o.Posted); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestAnEditMayChangeTheHandle(t *testing.T) {
	l := newUpdatedChannel(t, editsAndThreads, v1alpha1.UpdatesEdit)
	l.service.renames = true
	for _, result := range []travis.Result{travis.Pending, travis.Broken, travis.Pending, travis.Fixed} {
		l.post(result)
	}
	l.shows("7 fixed", "  build/7: broken", "  build/7: fixed")
	if l.service.calls != 4 {
		t.Errorf("the service was called %d times for four states", l.service.calls)
	}
}

// TestAMessageThatIsGoneIsReplaced: the event arrives, and later states update the new message.
func TestAMessageThatIsGoneIsReplaced(t *testing.T) {
	l := newUpdatedChannel(t, editsAndThreads, v1alpha1.UpdatesEdit)
	l.post(travis.Pending)
	l.service.delete(0)
	if o := l.post(travis.Broken); o.Kind != queue.Delivered || o.Reason != "sent as a new message: no such message" {
		t.Errorf("%+v", o)
	}
	status := func() string { return l.engine.Channels("team", "r")[0].Delivered.Reason }
	if got := status(); got != "sent as a new message: no such message" {
		t.Errorf("the channel's status says %q", got)
	}
	l.post(travis.Pending)
	l.shows("", "7 pending")
	if got := status(); got != "" {
		t.Errorf("the channel's status says %q after the new message was edited", got)
	}
}

// TestALateStateDoesNotOverwrite: a state that failed is redriven after a later one was shown.
func TestALateStateDoesNotOverwrite(t *testing.T) {
	l := newUpdatedChannel(t, editsAndThreads, v1alpha1.UpdatesEdit)
	l.service.refuse = notify.Permanent(errors.New("refused"))
	if o := l.post(travis.Pending); o.Kind != queue.Dead {
		t.Fatalf("%+v", o)
	}
	l.post(travis.Broken)
	if n, err := l.engine.Redrive(t.Context(), queue.Query{}); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if o := <-l.recorder.outcomes; o.Kind != queue.Dropped || !strings.Contains(o.Reason, "shows a later state") {
		t.Errorf("%+v", o)
	}
	l.shows("7 broken")
}

// TestEveryCopyIsUpdated: a replica that lost its lease had sent the build's message as well. A message that is gone
// is replaced by a copy, and a new one is sent if none is left.
func TestEveryCopyIsUpdated(t *testing.T) {
	for name, test := range map[string]struct {
		deleted []int
		refuse  error
		posted  posted
		fails   bool
		shows   string
	}{
		"all are there":       {nil, nil, posted{receipt: notify.Receipt{Handle: "0"}, copies: []string{"1", "2"}}, false, "7 broken\n  it broke\n7 broken\n7 broken"},
		"a copy is gone":      {[]int{1}, nil, posted{receipt: notify.Receipt{Handle: "0"}, copies: []string{"2"}, gone: []string{"1"}}, false, "7 broken\n  it broke\n\n7 broken"},
		"the message is gone": {[]int{0}, nil, posted{receipt: notify.Receipt{Handle: "1"}, copies: []string{"2"}, gone: []string{"0"}}, false, "\n7 broken\n  it broke\n7 broken"},
		"all are gone": {[]int{0, 1, 2}, nil, posted{
			receipt: notify.Receipt{Handle: "3"}, gone: []string{"1", "2", "0"}, note: "sent as a new message: no such message",
		}, false, "\n\n\n7 broken"},
		"a copy fails": {nil, errors.New("503"), posted{}, true, "7 pending\n7 pending\n7 pending"},
	} {
		t.Run(name, func(t *testing.T) {
			b := &memoryService{can: editsAndThreads, replies: map[int][]string{}, lines: []string{"7 pending", "7 pending", "7 pending"}, refuse: test.refuse}
			for _, n := range test.deleted {
				b.delete(n)
			}
			m := notify.Message{
				Event:  travis.Event{Build: travis.Build{Number: "7", Result: travis.Broken}},
				Update: &notify.Update{Handle: "0", Reply: []notify.Span{{Text: "it broke"}}},
			}
			got, err := (&Dispatcher{}).update(t.Context(), b, m, []string{"1", "2"})
			if diff := cmp.Diff(test.posted, got, cmp.AllowUnexported(posted{})); diff != "" || (err != nil) != test.fails {
				t.Errorf("%v; -want +got:\n%s", err, diff)
			}
			if diff := cmp.Diff(test.shows, b.String()); diff != "" {
				t.Errorf("the channel shows (-want +got):\n%s", diff)
			}
		})
	}
}

// TestWaitingStatesBecomeOneEdit: what waits while the channel is down is sent once, as it is at the end.
func TestWaitingStatesBecomeOneEdit(t *testing.T) {
	l := newUpdatedChannel(t, editsAndThreads, v1alpha1.UpdatesEdit)
	l.post(travis.Pending)
	l.service.mu.Lock() // the channel hangs
	for _, result := range []travis.Result{travis.Broken, travis.Pending, travis.Fixed} {
		l.accept(result)
	}
	l.service.mu.Unlock()
	kinds := map[queue.Kind]int{}
	for kinds[queue.Delivered]+kinds[queue.Dropped] < 3 {
		kinds[(<-l.recorder.outcomes).Kind]++
	}
	if got := l.service.String(); !strings.HasPrefix(got, "7 fixed") || strings.Contains(got, "pending") {
		t.Errorf("the channel shows\n%s", got)
	}
	if kinds[queue.Dropped] == 0 {
		t.Errorf("nothing was dropped: %s", fmt.Sprint(kinds))
	}
}
