package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/dray-fleet/dray/auth"
	"github.com/dray-fleet/dray/fleet"
)

const firstUser = "admin"

// firstAdmin creates fleet demo and its admin at the first start, and prints the
// password once. It reports whether it did.
func (n *node) firstAdmin(ctx context.Context, w io.Writer) (bool, error) {
	_, err := n.store.UserByName(ctx, demoFleet, firstUser)
	if !errors.Is(err, fleet.ErrNotFound) {
		return false, err
	}
	if _, err := n.store.EnsureFleet(ctx, demoFleet); err != nil {
		return false, err
	}
	password := newPassword()
	hash, err := auth.NewPasswords().Hash(ctx, password)
	if err != nil {
		return false, err
	}
	debug.FreeOSMemory() // hashing took 64 MiB that nobody needs again
	err = n.store.CreateUser(ctx, fleet.User{
		Fleet: demoFleet, ID: firstUser, Name: firstUser, Role: fleet.RoleAdmin, PasswordHash: hash,
	})
	if errors.Is(err, fleet.ErrConflict) {
		return false, nil // another process was first
	}
	if err != nil {
		return false, err
	}
	_, err = fmt.Fprintf(w, "first start: log in to fleet %q as user %q with the password %s\n", demoFleet, firstUser, password)
	return err == nil, err
}

// newPassword returns 120 random bits that can be typed.
func newPassword() string { return rand.Text()[:24] }

func newAdmin() *cobra.Command {
	admin := &cobra.Command{Use: "admin", Short: "Manage accounts from the server's shell"}
	var fleetID, user string
	reset := &cobra.Command{
		Use:   "reset-password",
		Short: "Give a user a new password and print it",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			c, err := load(cmd)
			if err != nil {
				return err
			}
			s, err := openStore(ctx, c)
			if err != nil {
				return err
			}
			defer s.Close()
			u, err := s.UserByName(ctx, fleetID, user)
			if errors.Is(err, fleet.ErrNotFound) {
				return fmt.Errorf("fleet %q has no user %q", fleetID, user)
			}
			if err != nil {
				return err
			}
			password := newPassword()
			hash, err := auth.NewPasswords().Hash(ctx, password)
			if err != nil {
				return err
			}
			if err := s.SetPassword(ctx, fleetID, u.ID, hash); err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), password)
			return err
		},
	}
	reset.Flags().StringVar(&fleetID, "fleet", "", "the user's fleet (required)")
	reset.Flags().StringVar(&user, "user", "", "the user's name (required)")
	for _, name := range []string{"fleet", "user"} {
		if err := reset.MarkFlagRequired(name); err != nil {
			panic(err) // the flag is defined above
		}
	}
	admin.AddCommand(reset)
	return admin
}
