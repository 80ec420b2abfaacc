//go:build !linux

package main

import "context"

func startPostgres(context.Context, *stage) (*rival, error)    { return nil, errLinux }
func startGinPostgres(context.Context, *stage) (*rival, error) { return nil, errLinux }
func startRbldnsd(context.Context, *stage) (*rival, error)     { return nil, errLinux }
