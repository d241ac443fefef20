/* SPDX-License-Identifier: Apache-2.0 */
/*
 * front-lab-roles.h - the lab's vault and injector; see front-lab.h.
 */
#ifndef BRIG_GATE_FRONT_LAB_ROLES_H
#define BRIG_GATE_FRONT_LAB_ROLES_H

struct lab;

void lab_roles_start(struct lab *l);
void lab_roles_stop(struct lab *l);

#endif
