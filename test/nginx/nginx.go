// Package nginx runs a real nginx in front of a server, like an ingress in front of the receiver: it
// terminates TLS, sets X-Forwarded-For, accepts bodies of up to 128 MiB, and redirects plain HTTP to HTTPS.
package nginx

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"text/template"
	"time"

	"github.com/travishook/travishook/test/port"
)

// ErrNotInstalled says how to install nginx.
var ErrNotInstalled = errors.New("nginx is not installed; apt-get install nginx-light")

// startTimeout is how long it may take to listen.
const startTimeout = 90 * time.Second

// Server is a running nginx.
type Server struct {
	// HTTPS and HTTP are where it listens, as host:port. HTTP redirects to HTTPS.
	HTTPS, HTTP string
	// Roots trust its certificate.
	Roots *x509.CertPool

	process *exec.Cmd
	exited  chan error
	output  *bytes.Buffer
}

// configuration is for one process without a master, so that any user can run it. The proxy settings follow
// the documentation for an ingress.
var configuration = template.Must(template.New("nginx.conf").Parse(`
daemon off;
master_process off;
pid {{.Folder}}/nginx.pid;
error_log stderr notice;
events {}
http {
	access_log off;
	client_body_temp_path {{.Folder}}/body;
	proxy_temp_path {{.Folder}}/proxy;
	fastcgi_temp_path {{.Folder}}/fastcgi;
	uwsgi_temp_path {{.Folder}}/uwsgi;
	scgi_temp_path {{.Folder}}/scgi;
	server {
		listen {{.HTTPS}} ssl;
		ssl_certificate {{.Folder}}/tls.crt;
		ssl_certificate_key {{.Folder}}/tls.key;
		client_max_body_size 128m;
		location / {
			proxy_pass http://{{.Upstream}};
			proxy_connect_timeout 5s;
			proxy_set_header Host $host;
			proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
		}
	}
	server {
		listen {{.HTTP}};
		return 301 https://{{.HTTPS}}$request_uri;
	}
}
`))

// Start runs nginx in front of upstream (host:port), with its files in folder. If nginx is not installed, the
// error is ErrNotInstalled.
func Start(ctx context.Context, folder, upstream string) (*Server, error) {
	binary, err := find()
	if err != nil {
		return nil, err
	}
	s := &Server{exited: make(chan error, 1), output: new(bytes.Buffer)}
	if s.Roots, err = certify(folder); err != nil {
		return nil, err
	}
	if s.HTTPS, err = port.Free(); err != nil {
		return nil, err
	}
	if s.HTTP, err = port.Free(); err != nil {
		return nil, err
	}
	var text bytes.Buffer
	if err := configuration.Execute(&text, map[string]string{
		"Folder": folder, "HTTPS": s.HTTPS, "HTTP": s.HTTP, "Upstream": upstream,
	}); err != nil {
		return nil, err
	}
	file := filepath.Join(folder, "nginx.conf")
	if err := os.WriteFile(file, text.Bytes(), 0o600); err != nil {
		return nil, err
	}
	s.process = exec.CommandContext(ctx, binary, "-p", folder, "-c", file, "-e", "stderr")
	s.process.Stderr = s.output
	if err := s.process.Start(); err != nil {
		return nil, fmt.Errorf("start nginx: %w", err)
	}
	go func() { s.exited <- s.process.Wait() }()
	if err := s.await(ctx); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

// Stop stops it and waits for its end.
func (s *Server) Stop() error {
	if err := s.process.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop nginx: %w", err)
	}
	if err := <-s.exited; err != nil {
		return fmt.Errorf("stop nginx: %w", err)
	}
	return nil
}

// await returns once both ports are open.
func (s *Server) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for !open(s.HTTP) || !open(s.HTTPS) {
		select {
		case err := <-s.exited:
			s.exited <- err
			return fmt.Errorf("nginx ended at once (%w): %s", err, s.output)
		case <-ctx.Done():
			return errors.New("nginx does not listen")
		case <-again.C:
		}
	}
	return nil
}

func open(address string) bool {
	connection, err := net.Dial("tcp", address)
	if err != nil {
		return false
	}
	_ = connection.Close() // nothing was sent
	return true
}

// Installed returns nil if Start would find nginx, and ErrNotInstalled otherwise.
func Installed() error {
	_, err := find()
	return err
}

// find also looks in Debian's folder, which the PATH of many users lacks.
func find() (string, error) {
	for _, name := range []string{"nginx", "/usr/sbin/nginx"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", ErrNotInstalled
}
