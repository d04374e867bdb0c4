/** Use. What an agent's output means: whether a usage limit stopped it, and when that ends. */
package dev.outlast.activities.detect;
