package app

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/go-logr/logr"

	"github.com/travishook/travishook/internal/routing"
)

const (
	// tableBucket of the store's memory holds the last table, in pieces.
	tableBucket = "table"
	// tableHead is the key of what says where the pieces are.
	tableHead = "head"
	// tablePiece bounds a piece: the store's messages are small.
	tablePiece = 128 << 10
	// tableEvery is how often a changed table is written down. A crash in between costs a replica
	// that starts without the API server what changed since.
	tableEvery = 10 * time.Second
	// tableMost bounds what is read back, against a damaged head.
	tableMost = 1 << 30
)

// errNoTable: nothing was written down yet.
var errNoTable = errors.New("no table was written down")

// memory is the store's small one.
type memory interface {
	Get(bucket, key string) ([]byte, bool)
	Put(ctx context.Context, bucket, key string, value []byte) error
}

// tableKeeper keeps the last table in the store, so that a replica that starts while the API server
// is away receives all the same.
type tableKeeper struct {
	memory   memory
	compiler *routing.Compiler
	turn     func() bool // whether it is this replica that writes: two at once would mix their pieces
	log      logr.Logger
}

// head says where the pieces are. Two sets of places are used in turn, so that a crash while one is
// written leaves the other whole.
type head struct {
	Place  string `json:"place"`
	Pieces int    `json:"pieces"`
	Sum    []byte `json:"sum"` // SHA-256 over the pieces
}

// restore gives the compiler the last table.
func (k tableKeeper) restore() error {
	h, err := k.head()
	if err != nil {
		return err
	}
	var packed bytes.Buffer
	for i := range h.Pieces {
		piece, ok := k.memory.Get(tableBucket, h.Place+strconv.Itoa(i))
		if !ok {
			return fmt.Errorf("the last table lacks piece %d of %d", i+1, h.Pieces)
		}
		packed.Write(piece)
	}
	if sum := sha256.Sum256(packed.Bytes()); !bytes.Equal(sum[:], h.Sum) {
		return errors.New("the last table is damaged")
	}
	unpack, err := gzip.NewReader(&packed)
	if err != nil {
		return fmt.Errorf("unpack the last table: %w", err)
	}
	data, err := io.ReadAll(io.LimitReader(unpack, tableMost))
	if err != nil {
		return fmt.Errorf("unpack the last table: %w", err)
	}
	return k.compiler.Restore(data)
}

func (k tableKeeper) head() (head, error) {
	value, ok := k.memory.Get(tableBucket, tableHead)
	if !ok {
		return head{}, errNoTable
	}
	var h head
	if err := json.Unmarshal(value, &h); err != nil {
		return head{}, fmt.Errorf("read where the last table is: %w", err)
	}
	return h, nil
}

// run writes the table down whenever it has changed, until ctx ends.
func (k tableKeeper) run(ctx context.Context) {
	tick := time.NewTicker(tableEvery)
	defer tick.Stop()
	var saved *routing.Table
	for {
		if table := k.compiler.Table(); table != saved && k.turn() {
			if err := k.save(ctx); err == nil {
				saved = table
			} else if ctx.Err() == nil {
				k.log.Error(err, "the routing table was not written down, trying again")
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// save writes the table down, unless it is there already.
func (k tableKeeper) save(ctx context.Context) error {
	data, err := k.compiler.Snapshot()
	if err != nil {
		return err
	}
	var packed bytes.Buffer
	pack := gzip.NewWriter(&packed)
	_, err = pack.Write(data)
	if err := errors.Join(err, pack.Close()); err != nil {
		return fmt.Errorf("pack the table: %w", err)
	}
	sum := sha256.Sum256(packed.Bytes())
	old, _ := k.head()
	if bytes.Equal(old.Sum, sum[:]) {
		return nil
	}
	next := head{Place: "a/", Sum: sum[:]}
	if old.Place == next.Place {
		next.Place = "b/"
	}
	for packed.Len() > 0 {
		key := next.Place + strconv.Itoa(next.Pieces)
		if err := k.memory.Put(ctx, tableBucket, key, bytes.Clone(packed.Next(tablePiece))); err != nil {
			return fmt.Errorf("store the table: %w", err)
		}
		next.Pieces++
	}
	value, err := json.Marshal(next)
	if err != nil {
		return fmt.Errorf("store the table: %w", err)
	}
	if err := k.memory.Put(ctx, tableBucket, tableHead, value); err != nil {
		return fmt.Errorf("store the table: %w", err)
	}
	return nil
}
