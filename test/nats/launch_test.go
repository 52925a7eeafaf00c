package nats

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestServersEndWithTheSuite kills a suite with a server, which is a child process of this test.
func TestServersEndWithTheSuite(t *testing.T) {
	Need(t)
	if runtime.GOOS != "linux" {
		t.Skip("only there they do")
	}
	const folder = "TRAVISHOOK_TEST_VICTIM"
	if own := os.Getenv(folder); own != "" {
		beVictim(t, own)
		return
	}
	suite := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$")
	suite.Env = append(os.Environ(), folder+"="+t.TempDir())
	out, err := suite.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := suite.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	var address string
	for found := false; !found && lines.Scan(); {
		if address, found = strings.CutPrefix(lines.Text(), "serves at "); !found {
			address = ""
		}
	}
	_ = suite.Process.Kill()
	_ = suite.Wait()
	if address == "" {
		t.Fatal("the suite's server did not start")
	}
	for ctx := patient(t); dials(address); {
		select {
		case <-ctx.Done():
			t.Fatal("the server outlives the suite that started it")
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// beVictim starts a server, prints its address, and waits to be killed.
func beVictim(t *testing.T, folder string) {
	t.Helper()
	c := newCluster(binary(t), folder, 2) // a single one would not be a cluster
	defer c.Stop()
	if err := c.start(); err != nil {
		t.Fatal(err)
	}
	address, err := c.Nodes[0].clients.get()
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println("serves at " + address)
	<-patient(t).Done()
}

func patient(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
	t.Cleanup(cancel)
	return ctx
}

func dials(address string) bool {
	conn, err := net.Dial("tcp", address)
	if err == nil {
		_ = conn.Close()
	}
	return err == nil
}
