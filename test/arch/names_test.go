package arch

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// madeName is a string that makes the name of an interface of a role of its own.
var madeName = regexp.MustCompile("\"(?:vxlan_|vrf_|vrfbr_|vrfvx_|xvrf_|xvrfp_|ln_|pr_|sv_|up_|dummy_)(?:%[sdv])?\"")

// The names of interfaces are made in one place: who asks for one by another name than
// the compiler gave it finds nothing. Tests of drivers make interfaces of their own.
func TestNamesOfLinksAreMadeInOnePlace(t *testing.T) {
	const maker = "internal/model/linkname.go"
	found := false
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		name := strings.TrimPrefix(filepath.ToSlash(path), "../../")
		own := name == "test/arch/names_test.go" || strings.HasPrefix(name, "internal/driver/") && strings.HasSuffix(name, "_test.go")
		if err != nil || d.IsDir() || own || !strings.HasSuffix(name, ".go") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		made := madeName.FindString(string(text))
		switch {
		case name == maker:
			found = made != ""
		case made != "":
			t.Errorf("%s makes the name of an interface of %s: use model.LinkRole", name, made)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if !found {
		t.Errorf("%s makes no names: the test looks in the wrong place", maker)
	}
}
