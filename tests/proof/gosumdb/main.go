// Checks checkpoints, proofs and tiles of a log with golang.org/x/mod/sumdb, which is not ours.
//
//	main VKEY < cases
//
// A case is a letter and a count of parts, each part a length (u32, big-endian) and so many
// bytes. For each case a line comes out: "ok", or "refused: " and why.
//
//	c  note                                    a checkpoint
//	p  tlog-proof, leaf                        the leaf is in the tree
//	t  older note, newer note, hashes          the newer tree continues the older one
//	f  folder, note, leaf indexes (u64 each)   proofs made from the tiles there
//	s  private key, note                       Go signs the note's text to the same bytes
package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

func main() {
	verifier, err := note.NewVerifier(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	in, out := bufio.NewReader(os.Stdin), bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for {
		kind, parts, err := readCase(in)
		if err == io.EOF {
			return
		}
		if err == nil {
			err = check(verifier, kind, parts)
		}
		if err != nil {
			fmt.Fprintf(out, "refused: %s\n", strings.ReplaceAll(err.Error(), "\n", " "))
		} else {
			fmt.Fprintln(out, "ok")
		}
	}
}

func readCase(in *bufio.Reader) (byte, [][]byte, error) {
	kind, err := in.ReadByte()
	if err != nil {
		return 0, nil, err
	}
	count, err := in.ReadByte()
	if err != nil {
		return 0, nil, err
	}
	parts := make([][]byte, count)
	for i := range parts {
		var size uint32
		if err := binary.Read(in, binary.BigEndian, &size); err != nil {
			return 0, nil, err
		}
		parts[i] = make([]byte, size)
		if _, err := io.ReadFull(in, parts[i]); err != nil {
			return 0, nil, err
		}
	}
	return kind, parts, nil
}

func check(verifier note.Verifier, kind byte, parts [][]byte) error {
	switch kind {
	case 'c':
		_, err := openCheckpoint(verifier, parts[0])
		return err
	case 'p':
		return checkProof(verifier, parts[0], parts[1])
	case 't':
		return checkGrowth(verifier, parts[0], parts[1], parts[2])
	case 'f':
		return checkTiles(verifier, string(parts[0]), parts[1], parts[2])
	case 's':
		return checkSigning(verifier, string(parts[0]), parts[1])
	}
	return errors.New("no such kind of case")
}

// openCheckpoint opens a note that the verifier has signed. Go's tree has a title of its own
// where a checkpoint has the log's name.
func openCheckpoint(verifier note.Verifier, data []byte) (tlog.Tree, error) {
	opened, err := note.Open(data, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	origin, rest, _ := strings.Cut(opened.Text, "\n")
	if origin != verifier.Name() {
		return tlog.Tree{}, fmt.Errorf("a checkpoint of %q", origin)
	}
	if strings.Count(rest, "\n") != 2 {
		return tlog.Tree{}, errors.New("not three lines")
	}
	return tlog.ParseTree([]byte("go.sum database tree\n" + rest))
}

func checkSigning(verifier note.Verifier, key string, data []byte) error {
	signer, err := note.NewSigner(key)
	if err != nil {
		return err
	}
	opened, err := note.Open(data, note.VerifierList(verifier))
	if err != nil {
		return err
	}
	signed, err := note.Sign(&note.Note{Text: opened.Text}, signer)
	if err == nil && !bytes.Equal(signed, data) {
		err = errors.New("other bytes")
	}
	return err
}

func checkProof(verifier note.Verifier, data, leaf []byte) error {
	head, checkpoint, found := strings.Cut(string(data), "\n\n")
	lines := strings.Split(head, "\n")
	if !found || len(lines) < 2 || lines[0] != "c2sp.org/tlog-proof@v1" {
		return errors.New("not a tlog-proof")
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64)
	if err != nil {
		return errors.New("no index")
	}
	var proof tlog.RecordProof
	for _, line := range lines[2:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return err
		}
		proof = append(proof, hash)
	}
	tree, err := openCheckpoint(verifier, []byte(checkpoint))
	if err != nil {
		return err
	}
	return tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(leaf))
}

func checkGrowth(verifier note.Verifier, older, newer, hashes []byte) error {
	before, err := openCheckpoint(verifier, older)
	if err != nil {
		return err
	}
	after, err := openCheckpoint(verifier, newer)
	if err != nil {
		return err
	}
	if len(hashes)%tlog.HashSize != 0 {
		return errors.New("a hash is cut off")
	}
	var proof tlog.TreeProof
	for ; len(hashes) > 0; hashes = hashes[tlog.HashSize:] {
		var hash tlog.Hash
		copy(hash[:], hashes)
		proof = append(proof, hash)
	}
	return tlog.CheckTree(proof, after.N, after.Hash, before.N, before.Hash)
}

// checkTiles lets Go read the tiles, hold them against the checkpoint, make proofs of its own
// and check them with the entries that lie beside the tiles.
func checkTiles(verifier note.Verifier, folder string, checkpoint, indexes []byte) error {
	tree, err := openCheckpoint(verifier, checkpoint)
	if err != nil {
		return err
	}
	hashes := tlog.TileHashReader(tree, tiles{folder})
	for ; len(indexes) > 0; indexes = indexes[8:] {
		index := int64(binary.BigEndian.Uint64(indexes))
		proof, err := tlog.ProveRecord(tree.N, index, hashes)
		if err != nil {
			return err
		}
		leaf, err := entry(folder, tree.N, index)
		if err != nil {
			return err
		}
		hash := tlog.RecordHash(leaf)
		if err := tlog.CheckRecord(proof, tree.N, tree.Hash, index, hash); err != nil {
			return err
		}
	}
	return nil
}

type tiles struct{ folder string }

func (t tiles) Height() int { return height }

func (t tiles) SaveTiles([]tlog.Tile, [][]byte) {}

func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, tile := range wanted {
		data, err := read(t.folder, tile, fmt.Sprintf("tile/%d", tile.L))
		if err != nil {
			return nil, err
		}
		if len(data) < tile.W*tlog.HashSize {
			return nil, errors.New("a tile is cut off")
		}
		found = append(found, data[:tile.W*tlog.HashSize])
	}
	return found, nil
}

// read finds a tile under C2SP's name, which is Go's without the height; the full one where
// the partial one is gone.
func read(folder string, tile tlog.Tile, kind string) ([]byte, error) {
	prefix := fmt.Sprintf("tile/%d/%d/", height, tile.L)
	name := filepath.Join(folder, kind, strings.TrimPrefix(tile.Path(), prefix))
	data, err := os.ReadFile(name)
	if os.IsNotExist(err) && tile.W != 1<<height {
		tile.W = 1 << height
		return read(folder, tile, kind)
	}
	return data, err
}

func entry(folder string, size, index int64) ([]byte, error) {
	tile := tlog.Tile{H: height, L: 0, N: index >> height, W: 1 << height}
	if first := tile.N << height; size-first < 1<<height {
		tile.W = int(size - first)
	}
	data, err := read(folder, tile, "tile/entries")
	if err != nil {
		return nil, err
	}
	for skip := index & (1<<height - 1); ; skip-- {
		if len(data) < 2 || len(data) < 2+int(binary.BigEndian.Uint16(data)) {
			return nil, errors.New("a bundle is cut off")
		}
		end := 2 + int(binary.BigEndian.Uint16(data))
		if skip == 0 {
			return data[2:end], nil
		}
		data = data[end:]
	}
}
