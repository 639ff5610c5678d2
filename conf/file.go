package conf

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

// loadFile finds and reads the configuration file: the one that --config or REDOUBT_CONFIG names,
// or DefaultFile if it exists. name is empty if there is none.
func loadFile(flags *pflag.FlagSet, table []setting) (name string, values map[string]any, err error) {
	name, label := os.Getenv(fileEnv), fileEnv
	if flag := flags.Lookup(fileFlag); flag != nil && flag.Changed {
		name, label = flag.Value.String(), "--"+fileFlag
	}
	named := name != ""
	if !named {
		name = DefaultFile
	}
	data, err := os.ReadFile(name)
	switch {
	case err == nil:
	case !named && errors.Is(err, fs.ErrNotExist):
		return "", nil, nil
	case named:
		return "", nil, fmt.Errorf("%s = %q: must be a readable file: %s", label, name, oneLine(cause(err)))
	default:
		return "", nil, fmt.Errorf("%s: cannot be read: %s", name, oneLine(cause(err)))
	}
	values, err = parseFile(data, table)
	if err != nil {
		return "", nil, fmt.Errorf("%s: %s", name, oneLine(err))
	}
	return name, values, nil
}

// cause strips the operation and the path, which the message names already.
func cause(err error) error {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}

// parseFile reads a file's settings as text. YAML's own types are not asked for: a value means the
// same in the file as in a flag, so that 0755, 1e3 or yes are what they look like.
func parseFile(data []byte, table []setting) (map[string]any, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var document yaml.Node
	if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("must be a single document")
	}
	root := document.Content[0]
	if isNull(root) {
		return nil, nil
	}
	if root.Kind != yaml.MappingNode {
		return nil, errors.New(`must hold lines of "name: value"`)
	}
	var known []string
	for _, row := range table {
		known = append(known, row.name)
	}
	values := map[string]any{}
	for i := 0; i+1 < len(root.Content); i += 2 {
		key := root.Content[i].Value
		text, err := scalars(root.Content[i+1])
		if !slices.Contains(known, key) {
			return nil, fmt.Errorf("%s = %q: unknown setting%s", key, text, suggest(key, known, "one that `redoubt config` prints"))
		}
		if err != nil {
			at := slices.Index(known, key)
			return nil, fmt.Errorf("%s: %w: must be %s", key, err, table[at].allowed)
		}
		if _, twice := values[key]; twice {
			return nil, fmt.Errorf("%s = %q: the setting is there twice", key, text)
		}
		values[key] = text
	}
	return values, nil
}

// scalars returns a value's text, the items of a list with commas between them.
func scalars(node *yaml.Node) (string, error) {
	switch {
	case node.Kind == yaml.AliasNode && node.Alias.Kind == yaml.ScalarNode:
		return node.Alias.Value, nil
	case isNull(node):
		return "", errors.New("has no value")
	case node.Kind == yaml.ScalarNode:
		return node.Value, nil
	case node.Kind == yaml.SequenceNode:
		var items []string
		for _, item := range node.Content {
			if item.Kind != yaml.ScalarNode || isNull(item) {
				return "", errors.New("is not a plain list")
			}
			items = append(items, item.Value)
		}
		return strings.Join(items, ","), nil
	default:
		return "", errors.New("is not a plain value")
	}
}

func isNull(node *yaml.Node) bool { return node.Kind == yaml.ScalarNode && node.Tag == "!!null" }
