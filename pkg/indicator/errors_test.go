package indicator_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log/slog"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/waspada-hub/waspada/pkg/indicator"
)

// refusals gives the call of every refuse(type, rule, hint) in the package's source.
func refusals(t testing.TB) (calls []*ast.CallExpr) {
	t.Helper()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				if name, ok := call.Fun.(*ast.Ident); ok && name.Name == "refuse" {
					calls = append(calls, call)
				}
			}
			return true
		})
	}
	if len(calls) < 50 {
		t.Fatalf("found only %d refusals in the source", len(calls))
	}
	return calls
}

// literal is the value of a string literal or of literals joined by +.
func literal(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return text, err == nil
	case *ast.BinaryExpr:
		left, ok1 := literal(e.X)
		right, ok2 := literal(e.Y)
		return left + right, ok1 && ok2 && e.Op == token.ADD
	}
	return "", false
}

// hintsOfSource joins all hints and the other constant parts of errors.
func hintsOfSource(t testing.TB) string {
	var all strings.Builder
	for _, call := range refusals(t) {
		rule, _ := literal(call.Args[1])
		hint, _ := literal(call.Args[2])
		for _, typ := range indicator.Types() {
			fmt.Fprintf(&all, "%s: %s (%s/%s)\n", typ, hint, typ, rule)
		}
	}
	return all.String()
}

// TestErrorsAreMadeOfConstants proves from the source that no error can hold a value.
func TestErrorsAreMadeOfConstants(t *testing.T) {
	code := regexp.MustCompile(`^[a-z0-9]+(_[a-z0-9]+)*$`)
	for _, call := range refusals(t) {
		rule, constantRule := literal(call.Args[1])
		hint, constantHint := literal(call.Args[2])
		if !constantRule || !constantHint || !code.MatchString(rule) || len(hint) < 10 {
			t.Errorf("refuse(…, %q, %q): the rule must be a constant code and the hint a constant sentence", rule, hint)
		}
	}
}

func TestRawIsNeverPrinted(t *testing.T) {
	const secret = indicator.Raw("0123456789")
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%08.3f", "%z"} {
		for _, value := range []any{secret, &secret2, struct{ V indicator.Raw }{secret}, []indicator.Raw{secret}} {
			if got := fmt.Sprintf(verb, value); strings.Contains(got, "0123456789") || strings.Contains(got, "30313233") {
				t.Errorf("%s of %T prints %s", verb, value, got)
			}
		}
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("parsed", "value", secret)
	slog.New(slog.NewTextHandler(&log, nil)).Info("parsed", "value", secret)
	if strings.Contains(log.String(), "0123456789") {
		t.Errorf("logged: %s", log.String())
	}
}

var secret2 = indicator.Raw("0123456789")
