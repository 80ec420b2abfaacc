package loadgen

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strconv"
)

// answer is what is read of an HTTP answer.
type answer struct {
	length int // of the whole, 0 while it is not all there
	status int
	body   []byte
}

var (
	endOfHead    = []byte("\r\n\r\n")
	lengthHeader = []byte("\r\nContent-Length: ")
	chunked      = []byte("\r\nTransfer-Encoding: chunked")
	endOfChunks  = []byte("\r\n0\r\n\r\n")
)

// readHTTP is a reader of HTTP/1.1 for answers of servers that we know.
func readHTTP(b []byte) (a answer, err error) {
	end := bytes.Index(b, endOfHead)
	if end < 0 {
		return a, nil
	}
	if len(b) < 12 {
		return a, fmt.Errorf("answered %q", b)
	}
	head, body := b[:end+2], b[end+len(endOfHead):]
	a.status, _ = strconv.Atoi(string(b[9:12]))
	if i := bytes.Index(head, lengthHeader); i >= 0 {
		text := head[i+len(lengthHeader):]
		n, err := strconv.Atoi(string(text[:bytes.IndexByte(text, '\r')]))
		if err != nil {
			return a, fmt.Errorf("answered with Content-Length %q", text)
		}
		if len(body) >= n {
			a.body, a.length = body[:n], end+len(endOfHead)+n
		}
	} else if bytes.Contains(head, chunked) {
		// One question at a time: nothing follows the last chunk.
		if bytes.HasSuffix(b, endOfChunks) {
			a.body, a.length = body, len(b)
		}
	} else {
		return a, fmt.Errorf("answered without a length: %q", head)
	}
	if a.length == 0 {
		return a, nil
	}
	switch a.status {
	case 200:
		return a, nil
	case 429, 503:
		return a, ErrRefused
	}
	return a, fmt.Errorf("answered %d: %.200q", a.status, a.body)
}

// appendHead appends a request but for its body.
func appendHead(to []byte, line, headers string, body int) []byte {
	to = append(to, line...)
	to = append(to, " HTTP/1.1\r\nHost: bench\r\n"...)
	to = append(to, headers...)
	if body > 0 {
		to = append(to, "Content-Length: "...)
		to = strconv.AppendInt(to, int64(body), 10)
		to = append(to, "\r\n"...)
	}
	return append(to, "\r\n"...)
}

func bearer(t Target) string {
	if t.APIKey == "" {
		return ""
	}
	return "Authorization: Bearer " + t.APIKey + "\r\n"
}

// get is GET /v1/lookup/{type}/{digest}.
type get struct {
	keys *Keys
	text []byte
	hole int // where the digest stands
}

func newGet(k *Keys, t Target) *get {
	const before = "GET /v1/lookup/bank_account/"
	line := before + string(bytes.Repeat([]byte{'0'}, 64)) + "?epoch=" + strconv.Itoa(t.Epoch)
	return &get{keys: k, text: appendHead(nil, line, bearer(t), 0), hole: len(before)}
}

// Ask is Asker's.
func (g *get) Ask(to []byte) []byte {
	d := g.keys.Next()
	hex.Encode(g.text[g.hole:], d[:])
	return append(to, g.text...)
}

var notListed = []byte(`"verdict":"not_listed"`)

// Answer is Asker's.
func (g *get) Answer(b []byte) (int, int, error) {
	a, err := readHTTP(b)
	if err != nil || a.length == 0 || bytes.Contains(a.body, notListed) {
		return a.length, 0, err
	}
	return a.length, 1, nil
}

// jsonLookup is POST /v1/lookup.
type jsonLookup struct {
	batch int
	keys  *Keys
	head  []byte
	item  []byte
	hole  int
}

const (
	jsonBegin = `{"indicators":[`
	jsonEnd   = `]}`
)

func newJSON(batch int, k *Keys, t Target) *jsonLookup {
	before := `{"type":"bank_account","epoch":` + strconv.Itoa(t.Epoch) + `,"digest":"`
	item := before + string(bytes.Repeat([]byte{'0'}, 64)) + `"},`
	size := len(jsonBegin) + batch*len(item) - 1 + len(jsonEnd)
	head := appendHead(nil, "POST /v1/lookup", bearer(t)+"Content-Type: application/json\r\n", size)
	return &jsonLookup{batch: batch, keys: k, head: append(head, jsonBegin...), item: []byte(item), hole: len(before)}
}

// Ask is Asker's.
func (j *jsonLookup) Ask(to []byte) []byte {
	to = append(to, j.head...)
	for range j.batch {
		d := j.keys.Next()
		hex.Encode(j.item[j.hole:], d[:])
		to = append(to, j.item...)
	}
	return append(to[:len(to)-1], jsonEnd...)
}

// Answer is Asker's.
func (j *jsonLookup) Answer(b []byte) (int, int, error) {
	a, err := readHTTP(b)
	if err != nil || a.length == 0 {
		return a.length, 0, err
	}
	return a.length, j.batch - bytes.Count(a.body, notListed), nil
}

// binaryLookup is POST /v1/lookup/batch.
type binaryLookup struct {
	batch int
	keys  *Keys
	head  []byte
}

func newBinary(batch int, k *Keys, t Target) *binaryLookup {
	return &binaryLookup{batch: batch, keys: k, head: appendHead(nil, "POST /v1/lookup/batch?epoch="+strconv.Itoa(t.Epoch),
		bearer(t)+"Content-Type: application/octet-stream\r\n", 32*batch)}
}

// Ask is Asker's.
func (y *binaryLookup) Ask(to []byte) []byte {
	to = append(to, y.head...)
	for range y.batch {
		d := y.keys.Next()
		to = append(to, d[:]...)
	}
	return to
}

// Answer is Asker's. The number of hits stands at byte 12.
func (y *binaryLookup) Answer(b []byte) (int, int, error) {
	a, err := readHTTP(b)
	if err != nil || a.length == 0 {
		return a.length, 0, err
	}
	if len(a.body) < 16 || string(a.body[:4]) != "WSPB" {
		return a.length, 0, fmt.Errorf("answered %.40q to a binary batch", a.body)
	}
	return a.length, int(a.body[12])<<24 | int(a.body[13])<<16 | int(a.body[14])<<8 | int(a.body[15]), nil
}

// clickHouse asks for rows of the hub's own table over ClickHouse's HTTP interface.
type clickHouse struct {
	batch int
	keys  *Keys
	line  string
	body  []byte
}

func newClickHouse(batch int, k *Keys, t Target) *clickHouse {
	return &clickHouse{batch: batch, keys: k, line: "POST /?default_format=TabSeparated&database=" + t.Database}
}

// Ask is Asker's.
func (c *clickHouse) Ask(to []byte) []byte {
	c.body = append(c.body[:0], "SELECT 1 FROM opinions WHERE digest IN ("...)
	for range c.batch {
		d := c.keys.Next()
		c.body = append(c.body, '\'')
		for _, b := range d {
			const digits = "0123456789abcdef"
			c.body = append(c.body, '\\', 'x', digits[b>>4], digits[b&15])
		}
		c.body = append(c.body, "',"...)
	}
	c.body[len(c.body)-1] = ')'
	return append(appendHead(to, c.line, "", len(c.body)), c.body...)
}

// Answer is Asker's. A line is a hit.
func (c *clickHouse) Answer(b []byte) (int, int, error) {
	a, err := readHTTP(b)
	if err != nil || a.length == 0 {
		return a.length, 0, err
	}
	return a.length, bytes.Count(a.body, []byte("1\n")), nil
}

// crowdSec asks a local API of CrowdSec for the decisions on an account.
type crowdSec struct {
	keys    *Keys
	headers string
}

func newCrowdSec(k *Keys, t Target) *crowdSec {
	return &crowdSec{keys: k, headers: "X-Api-Key: " + t.APIKey + "\r\nUser-Agent: bench/v1\r\n"}
}

// Ask is Asker's.
func (c *crowdSec) Ask(to []byte) []byte {
	d := c.keys.Next()
	return appendHead(to, "GET /v1/decisions?scope=account&value="+hex.EncodeToString(d[:]), c.headers, 0)
}

// Answer is Asker's.
func (c *crowdSec) Answer(b []byte) (int, int, error) {
	a, err := readHTTP(b)
	if err != nil || a.length == 0 || !bytes.Contains(a.body, []byte(`"value"`)) {
		return a.length, 0, err
	}
	return a.length, 1, nil
}
