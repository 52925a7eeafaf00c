package receiver

import (
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"time"

	"github.com/travishook/travishook/internal/travis"
)

// Why a body was not read to its end.
var (
	errTooLarge = errors.New("the body is too large")
	errRevoked  = errors.New("the memory was reassigned to another webhook")
)

// refusedBody is the answer to a body that was not read to its end because of err.
func refusedBody(x *exchange, err error) *answer {
	var timeout net.Error
	switch {
	case errors.Is(err, errRevoked), !keepConnection(x.r):
		return busy.because(errRevoked)
	case errors.Is(err, errTooLarge):
		return &tooLarge
	case errors.Is(err, errFormPayload):
		return &noPayload
	case errors.As(err, &timeout) && timeout.Timeout():
		return &tooSlow
	}
	return brokenBody.because(err)
}

// body reads a request's body within the limits for unproven senders: size, rate, shared memory and
// processors.
type body struct {
	source   io.Reader
	deadline func(time.Time)
	began    time.Time
	read     int64
	holding  *holding
	decoders chan struct{} // limits how many decode beyond LargeBody at once
	decodes  bool          // has a place in decoders
	ended    bool
}

func (h *Handler) openBody(x *exchange) *body {
	control := http.NewResponseController(x.w)
	b := &body{
		source: x.r.Body, began: time.Now(), decoders: h.decoders,
		deadline: func(at time.Time) { _ = control.SetReadDeadline(at) }, // a test's writer has no deadlines
	}
	b.holding = h.reading.take(h.client(x.r), readingBase, func() { b.deadline(time.Unix(1, 0)) })
	return b
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	b.yieldDecoder()
	within := min(ReadGrace+time.Duration(b.read)*time.Second/LeastRate, ReadTimeout)
	b.deadline(b.began.Add(within))
	n, err := b.source.Read(p)
	kept := min(b.read+int64(n), travis.MaxEventSize) - min(b.read, travis.MaxEventSize)
	b.read += int64(n)
	b.ended = errors.Is(err, io.EOF)
	switch {
	case !b.holding.grow(kept):
		return 0, errRevoked
	case b.read > MaxBody:
		return 0, errTooLarge
	case b.read > LargeBody:
		b.decoders <- struct{}{}
		b.decodes = true
	}
	return n, err
}

// yieldDecoder gives the place back while it waits for the body, so that a slow sender occupies none.
func (b *body) yieldDecoder() {
	if b.decodes {
		<-b.decoders
		b.decodes = false
	}
}

// close releases the memory and the place of the body. The rest of a refused body is read for one more
// second only, so that an honest sender can receive the answer.
func (b *body) close(w http.ResponseWriter) {
	b.yieldDecoder()
	b.holding.release()
	if b.ended {
		b.deadline(time.Now().Add(WriteTimeout))
		return
	}
	w.Header().Set("Connection", "close")
	b.deadline(time.Now().Add(time.Second))
}

// newDecoders leaves one processor for small bodies.
func newDecoders() chan struct{} { return make(chan struct{}, max(1, runtime.GOMAXPROCS(0)-1)) }
