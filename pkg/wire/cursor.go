package wire

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// cursor walks over JSON that is known to be well-formed: on anything else it may panic.
type cursor struct {
	json []byte
	at   int
}

// peek skips space and tells how the next value begins: one of { [ " t f n - or a digit.
func (c *cursor) peek() byte {
	for {
		switch b := c.json[c.at]; b {
		case ' ', '\t', '\r', '\n':
			c.at++
		default:
			return b
		}
	}
}

// enter steps into an object or array if that comes next: open is { or [.
func (c *cursor) enter(open byte) bool {
	if c.peek() != open {
		return false
	}
	c.at++
	return true
}

// more reports whether another element comes in the object or array that ends with end, and steps out at its end.
func (c *cursor) more(end byte) bool {
	next := c.peek()
	if next == ',' {
		c.at++
		return true
	}
	if next == end {
		c.at++
		return false
	}
	return true
}

// name reads a field's name up to its value.
func (c *cursor) name() []byte {
	name, _ := c.text()
	c.peek()
	c.at++ // the colon
	return name
}

// text reads a string; ok is false if something else comes next, which stays unread.
func (c *cursor) text() (text []byte, ok bool) {
	if c.peek() != '"' {
		return nil, false
	}
	start := c.at
	if !c.skipString() {
		return c.json[start+1 : c.at-1], true
	}
	text, _ = jsontext.AppendUnquote(nil, c.json[start:c.at])
	return text, true
}

// skipString passes over a string and reports whether anything in it is escaped.
func (c *cursor) skipString() (escaped bool) {
	c.at++
	for {
		length := bytes.IndexByte(c.json[c.at:], '"')
		escape := bytes.IndexByte(c.json[c.at:c.at+length], '\\')
		if escape < 0 {
			c.at += length + 1
			return escaped
		}
		escaped = true
		c.at += escape + 2 // past what is escaped, which may be a quote
	}
}

// scalar reads a number, true, false or null as it is spelt.
func (c *cursor) scalar() []byte {
	c.peek()
	start := c.at
	for c.at < len(c.json) {
		switch c.json[c.at] {
		case ',', '}', ']', ' ', '\t', '\r', '\n':
			return c.json[start:c.at]
		}
		c.at++
	}
	return c.json[start:]
}

// skip passes over one value of any kind.
func (c *cursor) skip() {
	for depth := 0; ; {
		switch c.peek() {
		case '{', '[':
			depth++
			c.at++
		case '}', ']':
			depth--
			c.at++
		case ',', ':':
			c.at++
		case '"':
			c.skipString()
		default:
			c.scalar()
		}
		if depth == 0 {
			return
		}
	}
}
