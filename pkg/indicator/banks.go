package indicator

import (
	_ "embed"
	"encoding/csv"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// banksCSV lists every bank of Malaysia that holds accounts: its BIC as DuitNow uses it, the FPX codes, the usual
// lengths of its account numbers and the names that people give it. The Islamic arm of a bank is an alias of it,
// as on DuitNow: they share one range of numbers, and people don't tell them apart.
//
//go:embed banks.csv
var banksCSV string

type bank struct {
	bic    string
	name   string
	digits [][2]int // usual lengths of account numbers, as ranges
}

func (b bank) usual(length int) bool {
	for _, d := range b.digits {
		if d[0] <= length && length <= d[1] {
			return true
		}
	}
	return false
}

// banks maps bankKey of every name, code and alias to its bank.
var banks = loadBanks(banksCSV)

// loadBanks panics on a faulty table: it is part of the program.
func loadBanks(table string) map[string]bank {
	rows, err := csv.NewReader(strings.NewReader(table)).ReadAll()
	if err != nil {
		panic("indicator: banks.csv: " + err.Error())
	}
	byKey := make(map[string]bank)
	for _, row := range rows[1:] {
		b := bank{bic: row[0], name: row[1]}
		for _, length := range strings.Split(row[4], ";") {
			low, high, isRange := strings.Cut(length, "-")
			if !isRange {
				high = low
			}
			from, err1 := strconv.Atoi(low)
			to, err2 := strconv.Atoi(high)
			if err1 != nil || err2 != nil {
				panic("indicator: banks.csv: lengths of " + b.bic)
			}
			b.digits = append(b.digits, [2]int{from, to})
		}
		names := append([]string{row[0], row[1]}, strings.Split(row[3]+";"+row[5], ";")...)
		for _, name := range names {
			key := bankKey(name)
			if key == "" {
				continue
			}
			if other, taken := byKey[key]; taken && other.bic != b.bic {
				panic("indicator: banks.csv: " + name + " names two banks")
			}
			byKey[key] = b
		}
	}
	return byKey
}

// bankKey folds a bank's name to what distinguishes it: "Public Bank Berhad" and "PUBLIC BANK (M) BHD." are the
// same.
func bankKey(name string) string {
	words := strings.FieldsFunc(strings.ToLower(norm.NFKC.String(name)), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
	var key strings.Builder
	for _, word := range words {
		switch word {
		case "berhad", "bhd", "malaysia", "m", "sdn", "the":
		default:
			key.WriteString(word)
		}
	}
	return key.String()
}
