package dev.outlast.activities.gate;

import java.util.Objects;

/** Whose allowance is used: limits belong to a provider's account, never to one run. */
public record Account(String provider, String name) {
  public Account {
    Objects.requireNonNull(provider, "provider");
    Objects.requireNonNull(name, "name");
  }
}
