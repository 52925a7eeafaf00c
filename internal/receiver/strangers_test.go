package receiver_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/travishook/travishook/internal/receiver"
	"github.com/travishook/travishook/internal/travis"
	"github.com/travishook/travishook/internal/travis/travistest"
)

// stall opens a connection, writes the beginning of a request, and then nothing more.
func stall(t *testing.T, address, beginning string) {
	t.Helper()
	connection, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	if _, err := io.WriteString(connection, beginning); err != nil {
		t.Fatal(err)
	}
}

// stalls are beginnings of requests by strangers who know a repository's name and nothing else.
func stalls() []string {
	return []string{
		"",
		"POST /travis HTTP/1.1\r\nHost: a\r\n",
		slowHeaders + "Content-Length: 300000\r\n\r\np",
		slowHeaders + "Content-Length: 100000000\r\n\r\npayload=%7B",
		slowHeaders + "Transfer-Encoding: chunked\r\n\r\n1000\r\npayload=",
		slowHeaders + "Content-Length: 300000\r\nExpect: 100-continue\r\n\r\n",
		slowHeaders + "Content-Length: 10000000\r\n\r\npayload=%7B%22message%22:%22" + strings.Repeat("x", receiver.LargeBody+1),
		strings.Replace(slowHeaders, "open/open", "un/known", 1) + "Content-Length: 300000\r\n\r\n",
	}
}

func TestThreeHundredSlowStrangersBlockNoWebhook(t *testing.T) {
	r := newPopulatedFixture(t)
	address, _, _ := serve(t, receiver.ServerOptions{Handler: receiver.NewHandler(r.options)})
	for i := range 300 {
		stall(t, address, stalls()[i%len(stalls())])
	}
	for i := range 60 {
		b := travistest.Build{Repository: "open/open", ID: int64(i + 1), Finished: finished}
		if i%2 == 1 { // and large ones
			b.Fields = map[string]any{"config": strings.Repeat("x", 3*receiver.LargeBody)}
		}
		if code := post(travistest.Request(t.Context(), "http://"+address+"/travis", b, travistest.Key())); code != http.StatusAccepted {
			t.Errorf("webhook %d got %d (%s)", i, code, r.last())
		}
	}
}

// TestBodiesThatStallDoNotBlockOthers stalls more bodies of one client than there are slots. Large ones need more
// memory, and more places for decoding, than there are. A webhook of another client began before them.
func TestBodiesThatStallDoNotBlockOthers(t *testing.T) {
	for name, size := range map[string]int{"small": 0, "large": receiver.LargeBody + 1} {
		t.Run(name, func(t *testing.T) {
			r := newPopulatedFixture(t)
			handler := receiver.NewHandler(r.options)
			resume := make(chan struct{})
			first := webhook(travistest.Build{Repository: "open/open", ID: 1}, travistest.Key())
			first.RemoteAddr = "192.0.2.7:1"
			began := stallBody(handler, first, io.LimitReader(first.Body, 100), first.Body, resume)
			strangers := stallStrangers(handler, size, resume)
			for i, size := range []int{0, 3 * receiver.LargeBody} {
				request := webhook(travistest.Build{Repository: "open/open", ID: int64(2 + i), Fields: map[string]any{"config": strings.Repeat("x", size)}}, travistest.Key())
				request.RemoteAddr = "192.0.2.7:1"
				w := &statusOnly{header: http.Header{}}
				if handler.ServeHTTP(w, request); w.code != http.StatusAccepted {
					t.Errorf("one of %d bytes got %d", size, w.code)
				}
			}
			held := 0
			for _, s := range strangers {
				if !s.isInterrupted() {
					held++
				} else if <-s.answered; s.code != http.StatusServiceUnavailable {
					t.Errorf("one that lost its memory got %d", s.code)
				}
			}
			if held*size > receiver.MaxReading {
				t.Errorf("%d bodies of %d bytes are held in memory", held, size)
			}
			close(resume)
			for _, s := range strangers {
				<-s.answered
			}
			if <-began.answered; began.code != http.StatusAccepted {
				t.Errorf("the one that began before them got %d", began.code)
			}
		})
	}
}

// stallStrangers stalls more webhooks of one client than there are slots.
func stallStrangers(handler http.Handler, size int, resume chan struct{}) []*stalledBody {
	var all []*stalledBody
	for i := range receiver.MaxUnderWay + 1 {
		request := webhook(travistest.Build{Repository: "open/open", ID: int64(1000 + i)}, travistest.Key())
		request.ContentLength, request.RemoteAddr = 10<<20, "192.0.2.8:1"
		beginning := strings.NewReader("payload=%7B%22message%22:%22" + strings.Repeat("x", size))
		all = append(all, stallBody(handler, request, beginning, errorReader{io.ErrUnexpectedEOF}, resume))
	}
	return all
}

// stalledBody is a request whose body stops after its beginning, and the writer of its answer.
type stalledBody struct {
	statusOnly
	beginning, rest                        io.Reader
	stalled, resume, interrupted, answered chan struct{}
	once                                   sync.Once
}

// stallBody serves a request whose body stalls until resume is closed, and returns once it does or is answered.
func stallBody(handler http.Handler, request *http.Request, beginning, rest io.Reader, resume chan struct{}) *stalledBody {
	s := &stalledBody{
		statusOnly: statusOnly{header: http.Header{}}, beginning: beginning, rest: rest,
		stalled: make(chan struct{}), resume: resume, interrupted: make(chan struct{}), answered: make(chan struct{}),
	}
	request.Body = io.NopCloser(s)
	go func() { handler.ServeHTTP(s, request); close(s.answered) }()
	select {
	case <-s.stalled:
	case <-s.answered:
	}
	return s
}

func (s *stalledBody) Read(p []byte) (int, error) {
	if n, err := s.beginning.Read(p); err == nil {
		return n, nil
	}
	s.once.Do(func() { close(s.stalled) })
	select {
	case <-s.resume:
		return s.rest.Read(p)
	case <-s.interrupted:
		return 0, os.ErrDeadlineExceeded
	}
}

// SetReadDeadline is how the receiver interrupts Read: with a time of long ago.
func (s *stalledBody) SetReadDeadline(at time.Time) error {
	if at.Before(now) {
		close(s.interrupted)
	}
	return nil
}

func (s *stalledBody) isInterrupted() bool {
	select {
	case <-s.interrupted:
		return true
	default:
		return false
	}
}

// largest is the largest webhook that Travis sends: a message of 64 kB, repeated in each of 200 jobs, whose
// characters take nine bytes each in a form.
func largest() travistest.Build {
	message := strings.Repeat("\u4fee", 64<<10/3)
	jobs := make([]any, 200)
	for i := range jobs {
		jobs[i] = map[string]any{"id": 200 + i, "number": fmt.Sprintf("7.%d", i+1), "state": "passed", "message": message}
	}
	return travistest.Build{Repository: "open/open", Finished: finished, Message: message, Fields: map[string]any{"matrix": jobs}}
}

func TestTheLargestWebhookOfTravisIsStored(t *testing.T) {
	r := newPopulatedFixture(t)
	address, _, _ := serve(t, receiver.ServerOptions{Handler: receiver.NewHandler(r.options)})
	request := travistest.Request(t.Context(), "http://"+address+"/travis", largest(), travistest.Key())
	if request.ContentLength < 37<<20 {
		t.Fatalf("it has only %d bytes", request.ContentLength)
	}
	if code := post(request); code != http.StatusAccepted {
		t.Fatalf("answer is %d (%s)", code, r.last())
	}
	if e := r.store.accepted[0].Event; len(e.Jobs) != 200 || len(e.Commit.Message) < 16<<10-3 || e.Build.Result != travis.Passed {
		t.Errorf("it was stored with %d jobs and %d bytes of message", len(e.Jobs), len(e.Commit.Message))
	}
}

func TestAWrongProofIsRefusedBeforeTheBody(t *testing.T) {
	r := newPopulatedFixture(t)
	request := webhook(travistest.Build{Repository: "example/Example"}, travistest.Key())
	unread := &bytes.Buffer{}
	unread.WriteString("payload=%7B")
	request.Body = io.NopCloser(unread)
	path("/travis/wrong")(request)
	if r.send(request); r.last() != "403 wrong_proof" || unread.Len() != len("payload=%7B") {
		t.Errorf("answer is %s, and %d bytes are left to read", r.last(), unread.Len())
	}
}
