// Command baseline serves what the hub is held against: the least that any server of its kind does, and what a user
// would build on a database instead. `bench` runs it; each kind is a process of its own.
//
//	echo           bytes come back as they are: what a round trip costs
//	gin-empty      Gin, and an empty answer
//	gin-body       Gin, and always the answer that --body holds
//	gin-redis      Gin, and SISMEMBER or SMISMEMBER with go-redis
//	gin-postgres   Gin, and a query by primary key with pgx
//
// The routes are the hub's: GET /v1/lookup/{type}/{digest} and POST /v1/lookup.
package main

import (
	"context"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"

	"github.com/gin-gonic/gin"
)

func main() {
	kind := flag.String("kind", "", "echo, gin-empty, gin-body, gin-redis or gin-postgres")
	body := flag.String("body", "", "file with the answer of gin-body")
	database := flag.String("database", "", "host:port of Redis, or PostgreSQL's connection string")
	flag.Parse()
	if err := serve(*kind, *body, *database); err != nil {
		fmt.Fprintln(os.Stderr, "baseline:", err)
		os.Exit(1)
	}
}

// serve listens on a free port of the loopback, tells which on standard output and serves until it is killed.
func serve(kind, body, database string) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	run := func() error { return echo(listener) }
	if kind != "echo" {
		handler, err := handlerOf(kind, body, database)
		if err != nil {
			return err
		}
		run = func() error { return http.Serve(listener, handler) }
	}
	fmt.Println(listener.Addr())
	return run()
}

func echo(listener net.Listener) error {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer conn.Close()
			b := make([]byte, 4096)
			for {
				n, err := conn.Read(b)
				if err != nil {
					return
				}
				if _, err = conn.Write(b[:n]); err != nil {
					return
				}
			}
		}()
	}
}

// knower is a database that knows which of some digests are listed.
type knower func(ctx context.Context, digests [][]byte) ([]bool, error)

func handlerOf(kind, body, database string) (http.Handler, error) {
	gin.SetMode(gin.ReleaseMode)
	router := gin.New() // without gin.Default's logger, which would cost it 2 µs a request
	var get, post gin.HandlerFunc
	switch kind {
	case "gin-empty":
		get = func(c *gin.Context) { c.Status(http.StatusOK) }
		post = get
	case "gin-body":
		answer, err := os.ReadFile(body)
		if err != nil {
			return nil, err
		}
		get = func(c *gin.Context) { c.Data(http.StatusOK, "application/json", answer) }
		post = func(c *gin.Context) {
			_, _ = io.Copy(io.Discard, c.Request.Body)
			get(c)
		}
	case "gin-redis", "gin-postgres":
		known, err := knowerOf(kind, database)
		if err != nil {
			return nil, err
		}
		get = func(c *gin.Context) { lookupOne(c, known) }
		post = func(c *gin.Context) { lookup(c, known) }
	default:
		return nil, errors.New("--kind is echo, gin-empty, gin-body, gin-redis or gin-postgres")
	}
	router.GET("/v1/lookup/:type/:digest", get)
	router.POST("/v1/lookup", post)
	return router, nil
}

// verdict is as much of the hub's answer as a set can tell.
type verdict struct {
	Verdict string `json:"verdict"`
}

func verdictOf(known bool) verdict {
	if known {
		return verdict{"listed"}
	}
	return verdict{"not_listed"}
}

func lookupOne(c *gin.Context, known knower) {
	digest, err := hex.DecodeString(c.Param("digest"))
	if err != nil {
		c.Status(http.StatusBadRequest)
		return
	}
	found, err := known(c, [][]byte{digest})
	if err != nil {
		c.Status(http.StatusBadGateway)
		return
	}
	c.JSON(http.StatusOK, verdictOf(found[0]))
}

func lookup(c *gin.Context, known knower) {
	var question struct {
		Indicators []struct {
			Type   string `json:"type"`
			Epoch  int    `json:"epoch"`
			Digest string `json:"digest"`
		} `json:"indicators"`
	}
	if err := c.ShouldBindJSON(&question); err != nil {
		c.Status(http.StatusBadRequest)
		return
	}
	digests := make([][]byte, len(question.Indicators))
	for i, q := range question.Indicators {
		var err error
		if digests[i], err = hex.DecodeString(q.Digest); err != nil {
			c.Status(http.StatusBadRequest)
			return
		}
	}
	found, err := known(c, digests)
	if err != nil {
		c.Status(http.StatusBadGateway)
		return
	}
	answer := struct {
		Results []verdict `json:"results"`
	}{make([]verdict, len(found))}
	for i := range found {
		answer.Results[i] = verdictOf(found[i])
	}
	c.JSON(http.StatusOK, answer)
}
