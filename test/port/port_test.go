package port

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"
)

// holdVariable has the test run as another process that locks a port, and keeps it until its input ends.
const holdVariable = "HOLD_PORT"

func TestMain(m *testing.M) {
	port, err := strconv.Atoi(os.Getenv(holdVariable))
	if err != nil {
		os.Exit(m.Run())
	}
	fmt.Println(lock(port))
	_, _ = os.Stdin.Read(make([]byte, 1))
}

// TestAPortBelongsToOneProcess: suites that run at once are not given the same port.
func TestAPortBelongsToOneProcess(t *testing.T) {
	port := after + os.Getpid() // Free gives it to nobody, and this test has another one in each process
	other := exec.CommandContext(t.Context(), os.Args[0])
	other.Env = append(os.Environ(), fmt.Sprint(holdVariable, "=", port))
	in, err := other.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := other.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	if said, err := bufio.NewReader(out).ReadString('\n'); said != "true <nil>\n" {
		t.Fatalf("the other process locks the port: %q, %v", said, err)
	}
	if locked, err := lock(port); locked || err != nil {
		t.Errorf("two processes have the port; %v", err)
	}
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	if err := other.Wait(); err != nil {
		t.Fatal(err)
	}
	if locked, err := lock(port); !locked {
		t.Errorf("the port is not free when the other process has ended; %v", err)
	}
}

func TestEachPortIsGivenOnce(t *testing.T) {
	given := map[string]bool{}
	for range 50 {
		address, err := Free()
		if err != nil {
			t.Fatal(err)
		}
		if given[address] {
			t.Errorf("%s is given twice", address)
		}
		given[address] = true
	}
}
