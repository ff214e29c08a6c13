// A peer on Go's crypto/tls, with the options of peer.c. It reads and writes on two goroutines.
package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

var (
	role    = flag.String("role", "tls-client", "tls-client or tls-server")
	version = flag.String("version", "1.3", "1.2 or 1.3")
	first   = flag.String("first", "peer", "peer: send close_notify first")
	port    = flag.Int("connect", 0, "0: listen")
	cert    = flag.String("cert", "", "own chain")
	key     = flag.String("key", "", "own key")
	ca      = flag.String("ca", "", "trusted")
	name    = flag.String("name", "", "that the other certificate must have")
	send    = flag.String("send", "", "file to send")
	expect  = flag.String("expect", "", "file to compare with what comes")
)

const deadline = 60 * time.Second

// watched remembers the end of the TCP stream, since crypto/tls takes one that falls between two
// records for close_notify.
type watched struct {
	*net.TCPConn
	ended bool // used by the reading goroutine, and after it has ended
}

func (conn *watched) Read(buffer []byte) (int, error) {
	n, err := conn.TCPConn.Read(buffer)
	conn.ended = conn.ended || err == io.EOF
	return n, err
}

func dial() (net.Conn, error) {
	if *port != 0 {
		return net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", *port))
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	fmt.Printf("listening %d\n", listener.Addr().(*net.TCPAddr).Port)
	return listener.Accept()
}

func config() (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(*cert, *key)
	if err != nil {
		return nil, err
	}
	trusted, err := os.ReadFile(*ca)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(trusted) {
		return nil, errors.New("no certificate in " + *ca)
	}
	only := map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}[*version]
	return &tls.Config{
		Certificates: []tls.Certificate{pair}, RootCAs: pool, ClientCAs: pool,
		ServerName: *name, ClientAuth: tls.RequireAndVerifyClientCert,
		MinVersion: only, MaxVersion: only,
		VerifyConnection: func(state tls.ConnectionState) error { // a server checks no name itself
			return state.PeerCertificates[0].VerifyHostname(*name)
		},
	}, nil
}

// receive compares all that comes until close_notify; complete is closed when nothing is missing.
func receive(conn *tls.Conn, raw *watched, want []byte, complete chan<- struct{}) error {
	buffer := make([]byte, 64*1024)
	for got := 0; ; {
		n, err := conn.Read(buffer)
		if got+n > len(want) || !bytes.Equal(buffer[:n], want[got:got+n]) {
			return errors.New("read: other data than expected")
		}
		if got += n; n > 0 && got == len(want) {
			close(complete)
		}
		if err == io.EOF {
			if raw.ended {
				return errors.New("read: eof without close_notify")
			}
			if got < len(want) {
				return errors.New("read: close_notify before all data")
			}
			return nil
		}
		if err != nil {
			return fmt.Errorf("read: %w", err)
		}
	}
}

func exchange(conn *tls.Conn, raw *watched, data, want []byte) error {
	complete, closed := make(chan struct{}), make(chan error, 1)
	go func() { closed <- receive(conn, raw, want, complete) }()
	if _, err := conn.Write(data); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	if *first != "peer" {
		if err := <-closed; err != nil {
			return err
		}
		return conn.CloseWrite()
	}
	select {
	case <-complete:
	case err := <-closed:
		return fmt.Errorf("the other side closed first: %w", err)
	}
	if err := conn.CloseWrite(); err != nil {
		return err
	}
	return <-closed
}

func run() error {
	data, err := os.ReadFile(*send)
	if err != nil {
		return err
	}
	want, err := os.ReadFile(*expect)
	if err != nil {
		return err
	}
	settings, err := config()
	if err != nil {
		return err
	}
	sock, err := dial()
	if err != nil {
		return err
	}
	defer sock.Close()
	raw := &watched{TCPConn: sock.(*net.TCPConn)}
	if err := raw.SetDeadline(time.Now().Add(deadline)); err != nil {
		return err
	}
	conn := tls.Client(raw, settings)
	if *role == "tls-server" {
		conn = tls.Server(raw, settings)
	}
	if err := conn.Handshake(); err != nil {
		return fmt.Errorf("handshake: %w", err)
	}
	if err := exchange(conn, raw, data, want); err != nil {
		return err
	}
	if err := raw.CloseWrite(); err != nil {
		return err
	}
	if n, err := raw.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		return fmt.Errorf("end: %d bytes after close_notify, %w", n, err)
	}
	return nil
}

func main() {
	flag.Parse()
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
