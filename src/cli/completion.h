/* SPDX-License-Identifier: Apache-2.0 */
/*
 * completion.h - scripts for three shells, made from the tables of commands.
 *
 * What completes a word is a list of words and of "@kind": names of sandboxes, agents and
 * images are asked of brig itself, which reads a folder and prints (a few milliseconds).
 */
#ifndef BRIG_CLI_COMPLETION_H
#define BRIG_CLI_COMPLETION_H

struct buf;
struct command;

int completion_bash(struct buf *out);
int completion_zsh(struct buf *out);
int completion_fish(struct buf *out);

/* Call 'each' for every command that isn't hidden; 'parent' is NULL for the outer ones.
 */
typedef int completion_each(
	const struct command *c, const struct command *parent, struct buf *out);
int completion_walk(completion_each *each, struct buf *out);

#endif
