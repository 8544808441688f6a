package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/viaduct-sdn/viaduct/internal/message"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

func (a *app) explainCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "explain KIND[.PROPERTY[.ITEM]] | CODE",
		Short: "Describe a kind of object, a property or a message",
		Long: `Describes a kind of object, one of its properties, or a property of the items of a list:
what it is, which values it takes, and for which types of object it counts. For the code of
a message it prints what the message means and what to do. It asks no server.

  viaduct explain zone
  viaduct explain zone.mtu
  viaduct explain guest.nics.mac
  viaduct explain vlan-tag-used`,
		Args: args(1, 1, "a kind, a kind and a property with a dot between, or the code of a message"),
		ValidArgsFunction: func(_ *cobra.Command, given []string, typed string) ([]string, cobra.ShellCompDirective) {
			if len(given) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return explainable(typed), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, given []string) error {
			if d := message.Find(given[0]); d != nil {
				return a.write(messageText(d))
			}
			kind, rest, property := strings.Cut(given[0], ".")
			k, err := parseKind(kind)
			if err != nil {
				if near := nearestCode(given[0]); near != "" {
					return &exitError{ExitUsage, fmt.Errorf("unknown message %q; did you mean %s?", given[0], near)}
				}
				return err
			}
			if !property {
				return a.write(kindText(k))
			}
			f, err := findProperty(string(k), model.Fields(k), rest)
			if err != nil {
				return err
			}
			return a.write(propertyText(given[0], f))
		},
	}
}

// explainable proposes the names that can be explained and begin with the typed text.
func explainable(typed string) []string {
	kind, _, property := strings.Cut(typed, ".")
	k, ok := model.ParseKind(kind)
	if !ok || !property {
		return slices.Concat(kindNames(), codes())
	}
	var out []string
	for _, f := range model.Fields(k) {
		path := kind + "." + f.Name
		out = append(out, path+"\t"+f.Text())
		items, _ := f.ItemFields()
		for _, item := range items {
			out = append(out, path+"."+item.Name+"\t"+item.Text())
		}
	}
	return out
}

// codes are the codes of messages, with their texts.
func codes() []string {
	var out []string
	for _, d := range message.Definitions() {
		out = append(out, d.Code+"\t"+d.Text)
	}
	return out
}

// nearestCode proposes a code for an unknown one; empty if none is near.
func nearestCode(typed string) string {
	var all []string
	for _, d := range message.Definitions() {
		all = append(all, d.Code)
	}
	return model.Nearest(typed, all)
}

// messageText describes a message.
func messageText(d *message.Definition) string {
	rows := [][]string{{"text", strings.TrimSuffix(d.Text, ":")}, {"meaning", d.Explanation}}
	if d.Remedy != "" {
		rows = append(rows, []string{"remedy", d.Remedy})
	}
	return d.Code + "\n\n" + table(rows[0], rows[1:])
}

// findProperty finds a property by its path below the owner.
func findProperty(owner string, fields []model.FieldInfo, path string) (*model.FieldInfo, error) {
	name, rest, deeper := strings.Cut(path, ".")
	names := make([]string, len(fields))
	for i := range fields {
		names[i] = fields[i].Name
		if fields[i].Name != name {
			continue
		}
		items, item := fields[i].ItemFields()
		switch {
		case !deeper:
			return &fields[i], nil
		case items == nil:
			return nil, &exitError{ExitUsage, fmt.Errorf("%s of %s has no properties of its own: it is a %s", name, owner, fields[i].Type)}
		}
		return findProperty(item, items, rest)
	}
	if near := model.Nearest(name, names); near != "" {
		return nil, &exitError{ExitUsage, fmt.Errorf("unknown property %q of %s; did you mean %s?", name, owner, near)}
	}
	return nil, &exitError{ExitUsage, fmt.Errorf("unknown property %q of %s; it has %s", name, owner, strings.Join(names, ", "))}
}

// kindText describes a kind and lists its properties.
func kindText(k model.Kind) string {
	d := k.Descriptor()
	when := "Edits are pending until viaduct apply."
	if d.Live {
		when = "Edits take effect at once."
	}
	rows := [][]string{
		{"plural", k.Plural()},
		{"read", d.RightsText(false)},
		{"write", d.RightsText(true)},
	}
	if uses := d.UsesText(); uses != "" {
		rows = append(rows, []string{"", uses})
	}
	return fmt.Sprintf("%s: %s %s\n\n", k, d.Doc, when) + table(rows[0], rows[1:]) + "\n" + propertyTable(model.Fields(k))
}

// propertyTable lists properties; required ones have an asterisk.
func propertyTable(fields []model.FieldInfo) string {
	rows := make([][]string, len(fields))
	for i, f := range fields {
		name := f.Name
		if f.Required {
			name += "*"
		}
		rows[i] = []string{name, string(f.Type), f.Text()}
	}
	return table([]string{"PROPERTY", "TYPE", "DESCRIPTION"}, rows) + "\n* required\n"
}

// propertyText describes a property in full.
func propertyText(path string, f *model.FieldInfo) string {
	rows := [][]string{{"type", string(f.Type)}}
	add := func(name, value string) {
		if value != "" {
			rows = append(rows, []string{name, value})
		}
	}
	if f.Required {
		add("required", "yes")
	}
	add("values", f.Bounds())
	add("counts for", strings.Join(f.Types, ", "))
	if f.Ref != "" {
		add("refers to", "a "+string(f.Ref)+": viaduct get "+f.Ref.Plural())
	}
	if f.MaxLength > 0 {
		add("length", fmt.Sprintf("up to %d characters", f.MaxLength))
	}
	if f.MaxItems > 0 {
		add("length", fmt.Sprintf("up to %d items", f.MaxItems))
	}
	add("form", f.Pattern)
	if f.Secret {
		add("secret", "shown to those only who may write the object")
	}
	add("items told apart by", f.ItemKey())
	text := path + ": " + f.Doc + "\n\n" + table(rows[0], rows[1:])
	if items, _ := f.ItemFields(); items != nil {
		text += "\n" + propertyTable(items)
	}
	return text
}
