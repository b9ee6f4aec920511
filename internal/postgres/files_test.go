package postgres

import (
	"strings"
	"testing"
	"testing/fstest"
)

func TestReadMigrations(t *testing.T) {
	for want, names := range map[string]string{
		"":               "0001_a.sql 0002_b_c.sql",
		"is not named":   "0001_a.sql 2_b.sql",
		"no doubles":     "0001_a.sql 0001_b.sql",
		"comes after":    "0001_a.sql 0003_b.sql",
		"0002_a.sql":     "0002_a.sql",
		"is not named l": "0001_A.sql",
	} {
		fsys := fstest.MapFS{}
		for name := range strings.FieldsSeq(names) {
			fsys["m/"+name] = &fstest.MapFile{Data: []byte("SELECT 1")}
		}
		all, err := readMigrations(fsys, "m")
		switch {
		case want == "":
			if err != nil || len(all) != 2 || all[1].number != 2 || all[1].name != "b_c" || len(all[1].checksum) != 64 {
				t.Errorf("%s: %+v, %v", names, all, err)
			}
		case err == nil || !strings.Contains(err.Error(), want):
			t.Errorf("%s: error %v, want %q", names, err, want)
		}
	}
}
