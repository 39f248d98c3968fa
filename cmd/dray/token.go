package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/dray-fleet/dray/auth"
	"github.com/dray-fleet/dray/fleet"
)

func newToken() *cobra.Command {
	var c auth.Claims
	var acl auth.ACL
	var role string
	var ttl time.Duration
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Print a token, made with the secret of the data directory",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if ttl <= 0 {
				return errors.New("--ttl must be positive, such as 24h")
			}
			conf, err := load(cmd)
			if err != nil {
				return err
			}
			if err := dataDir(conf); err != nil {
				return err
			}
			secret, err := secretOf(conf)
			if err != nil {
				return err
			}
			minter, err := auth.NewMinter(secret, conf.Auth.Issuer, conf.Auth.Audience)
			if err != nil {
				return err
			}
			c.Role = fleet.Role(role)
			c.ExpiresAt = time.Now().Add(ttl)
			if len(acl.Pub)+len(acl.Sub) > 0 {
				c.ACL = &acl
			}
			token, err := minter.Mint(&c)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), token)
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&c.Fleet, "fleet", "", "the fleet; * only for an operator (required)")
	f.StringVar(&role, "role", "", "driver, device, dispatcher, admin, service or operator (required)")
	f.StringVar(&c.Subject, "sub", "", "whose token it is: an id (required)")
	f.StringVar(&c.Driver, "driver", "", "the driver that a device reports for")
	f.DurationVar(&ttl, "ttl", 24*time.Hour, "how long it is valid")
	f.StringSliceVar(&acl.Pub, "acl-pub", nil, "filter that may be published to, in place of the role's rules; repeat it")
	f.StringSliceVar(&acl.Sub, "acl-sub", nil, "filter that may be subscribed to, in place of the role's rules; repeat it")
	for _, name := range []string{"fleet", "role", "sub"} {
		if err := cmd.MarkFlagRequired(name); err != nil {
			panic(err) // the flag is defined above
		}
	}
	return cmd
}
