/**
 * Use. Every name and text that operators and other programs see: names on the wire, search
 * attributes, error codes, and the words shown in Temporal's Web UI. They are kept for ever. No
 * text here contains a prompt or anything that an agent wrote.
 */
package dev.outlast.operator;
