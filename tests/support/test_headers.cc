// SPDX-License-Identifier: Apache-2.0
// Empty: headers that are compiled in advance belong to a library, and a
// library has a file.
