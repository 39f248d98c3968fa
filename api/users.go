package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/dray-fleet/dray/fleet"
)

// A User logs in with its name and a password. The id is the subject of its
// tokens, so a driver's user has the driver's id.
type User struct {
	ID        string     `json:"id"`
	Name      string     `json:"name"`
	Role      fleet.Role `json:"role" enum:"driver,dispatcher,admin"`
	Disabled  bool       `json:"disabled"`
	CreatedAt stamp      `json:"created_at,omitzero"`
}

// A UserRequest creates a user.
type UserRequest struct {
	ID       string     `json:"id,omitempty" pattern:"^[A-Za-z0-9_-]{1,64}$" doc:"Default: the name, when that is an id." example:"d7"`
	Name     string     `json:"name" minLength:"1" maxLength:"128" pattern:"^[^\\x00-\\x1f\\x7f]+$" doc:"To log in with." example:"dana"`
	Role     fleet.Role `json:"role" enum:"driver,dispatcher,admin" example:"driver"`
	Password string     `json:"password" minLength:"10" maxLength:"128" format:"password" example:"correct horse battery"`
}

// A UserChange holds what may be changed of a user; absent stays as it is.
type UserChange struct {
	Name     *string     `json:"name,omitempty" minLength:"1" maxLength:"128" pattern:"^[^\\x00-\\x1f\\x7f]+$" example:"dana"`
	Role     *fleet.Role `json:"role,omitempty" enum:"driver,dispatcher,admin"`
	Disabled *bool       `json:"disabled,omitempty"`
}

// A PasswordChange sets a password.
type PasswordChange struct {
	Current  string `json:"current_password,omitempty" maxLength:"128" format:"password" doc:"Required for one's own."`
	Password string `json:"password" minLength:"10" maxLength:"128" format:"password"`
}

func (a *API) userRoutes() {
	register(a, operation{method: "GET", path: "/users", id: "list-users", summary: "The users of the fleet"}, admins, a.listUsers)
	register(a, operation{method: "POST", path: "/users", id: "create-user", summary: "Create a user",
		status: http.StatusCreated, once: true}, admins, a.createUser)
	register(a, operation{method: "GET", path: "/users/{id}", id: "read-user", summary: "One user; everybody may read the own one"}, people, a.readUser)
	register(a, operation{method: "PATCH", path: "/users/{id}", id: "update-user",
		summary: "Change a user; one who is disabled or given another role is logged out", errors: []int{http.StatusConflict}}, admins, a.updateUser)
	register(a, operation{method: "DELETE", path: "/users/{id}", id: "delete-user", summary: "Delete a user, who is logged out", errors: []int{http.StatusConflict}}, admins, a.deleteUser)
	register(a, operation{method: "POST", path: "/users/{id}/password", id: "set-password",
		summary: "Change the own password, or as admin reset another's", status: http.StatusNoContent,
		errors: []int{http.StatusTooManyRequests}}, people, a.setPassword)
}

// OneUser names a user of the fleet in the path.
type OneUser struct {
	InFleet
	ID string `path:"id" pattern:"^[A-Za-z0-9_-]{1,64}$"`
}

func (a *API) listUsers(ctx context.Context, in *struct {
	InFleet
	Paging
}) (*body[page[User]], error) {
	after, err := in.after(fleet.ValidID)
	if err != nil {
		return nil, err
	}
	users, err := a.Store.Users(ctx, callerOf(ctx).fleet, after, in.Limit)
	if err != nil {
		return nil, err
	}
	return reply(pageOf(users, in.Limit, user, func(u *fleet.User) string { return u.ID })), nil
}

func (a *API) createUser(ctx context.Context, in *struct {
	InFleet
	Body UserRequest
}) (*body[User], error) {
	ask := in.Body
	if ask.ID == "" {
		ask.ID = ask.Name
	}
	if !fleet.ValidID(ask.ID) {
		return nil, fleet.Invalid("body.id", "is required when the name is not an id")
	}
	hash, err := a.password.Hash(ctx, ask.Password)
	if err != nil {
		return nil, err
	}
	u := fleet.User{Fleet: callerOf(ctx).fleet, ID: ask.ID, Name: ask.Name, Role: ask.Role, PasswordHash: hash, CreatedAt: time.Now()}
	if err := a.Store.CreateUser(ctx, u); err != nil {
		return nil, err
	}
	if err := a.audit(ctx, "create", "user", u.ID, nil, user(&u)); err != nil {
		return nil, err
	}
	return reply(user(&u)), nil
}

func (a *API) readUser(ctx context.Context, in *OneUser) (*body[User], error) {
	c := callerOf(ctx)
	if !c.isAdmin() && in.ID != c.Subject {
		return nil, errForbidden
	}
	u, err := a.Store.User(ctx, c.fleet, in.ID)
	if err != nil {
		return nil, err
	}
	return reply(user(&u)), nil
}

var errOwnUser = huma.Error409Conflict("an admin cannot delete, disable or demote itself: ask another one")

func (a *API) updateUser(ctx context.Context, in *struct {
	OneUser
	Body UserChange
}) (*body[User], error) {
	c := callerOf(ctx)
	before, err := a.Store.User(ctx, c.fleet, in.ID)
	if err != nil {
		return nil, err
	}
	after := before
	set(&after.Name, in.Body.Name)
	set(&after.Role, in.Body.Role)
	set(&after.Disabled, in.Body.Disabled)
	out := after.Role != before.Role || after.Disabled && !before.Disabled
	if out && in.ID == c.Subject {
		return nil, errOwnUser
	}
	if err := a.Store.UpdateUser(ctx, after); err != nil {
		return nil, inBody(err)
	}
	if out {
		if err := a.revokeSubject(ctx, c.fleet, in.ID); err != nil {
			return nil, err
		}
	}
	return reply(user(&after)), a.audit(ctx, "update", "user", in.ID, user(&before), user(&after))
}

func (a *API) deleteUser(ctx context.Context, in *OneUser) (*struct{}, error) {
	c := callerOf(ctx)
	if in.ID == c.Subject {
		return nil, errOwnUser
	}
	u, err := a.Store.User(ctx, c.fleet, in.ID)
	if err != nil {
		return nil, err
	}
	if err := a.Store.DeleteUser(ctx, c.fleet, in.ID); err != nil {
		return nil, err
	}
	if err := a.revokeSubject(ctx, c.fleet, in.ID); err != nil {
		return nil, err
	}
	return nil, a.audit(ctx, "delete", "user", in.ID, user(&u), nil)
}

// setPassword ends the user's sessions. After an admin's reset the tokens that
// are out are refused as well; after one's own change they run out.
func (a *API) setPassword(ctx context.Context, in *struct {
	OneUser
	Body PasswordChange
}) (*struct{}, error) {
	c := callerOf(ctx)
	own := in.ID == c.Subject
	find := func() (fleet.User, error) { return a.Store.User(ctx, c.fleet, in.ID) }
	var err error
	switch {
	case own:
		_, err = a.checkPassword(ctx, c.fleet, in.ID, in.Body.Current, find)
		if errors.Is(err, errBadLogin) {
			err = fleet.Invalid("body.current_password", "is wrong")
		}
	case c.isAdmin():
		_, err = find()
	default:
		err = errForbidden
	}
	if err != nil {
		return nil, err
	}
	hash, err := a.password.Hash(ctx, in.Body.Password)
	if err != nil {
		return nil, err
	}
	if err := a.Store.SetPassword(ctx, c.fleet, in.ID, hash); err != nil {
		return nil, err
	}
	if !own {
		if err := a.revokeSubject(ctx, c.fleet, in.ID); err != nil {
			return nil, err
		}
	}
	return nil, a.audit(ctx, "set password", "user", in.ID, nil, nil)
}

func user(u *fleet.User) User { return User{u.ID, u.Name, u.Role, u.Disabled, at(u.CreatedAt)} }
