/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ns.h - processes in new namespaces, and namespaces as descriptors (namespaces(7)).
 */
#ifndef BRIG_LINUX_NS_H
#define BRIG_LINUX_NS_H

#include <stdint.h>
#include <sys/types.h>

struct err;

/*
 * fork() with CLONE_NEW* and friends in 'flags'; the child's pidfd goes to 'ret_pidfd'
 * unless that is NULL (close-on-exec). Returns the pid, 0 in the child, or -errno.
 *
 * Should:  send SIGCHLD at the child's end, work with CLONE_PARENT (the child is then its
 *          maker's sibling), and where a container's seccomp filter hides clone3(2).
 * Mustn't: be used while other threads run: it is the bare system call, without the C
 *          library's handlers of fork.
 */
pid_t ns_clone(uint64_t flags, int *ret_pidfd);

/* The same, born in the cgroup version 2 group open at 'cgroup_fd'. */
pid_t ns_clone_into(uint64_t flags, int cgroup_fd, int *ret_pidfd);

/* Open "user", "mnt", "pid", "net", ... of process 'pid', 0 for one's own. */
int ns_open(pid_t pid, const char *name, struct err *e);

/* Enter the namespace open at 'fd'; 'name' is for the message. */
int ns_enter(int fd, const char *name, struct err *e);

/* Leave the shared namespaces of unshare(2) 'flags'. */
int ns_unshare(int flags, struct err *e);

#endif
