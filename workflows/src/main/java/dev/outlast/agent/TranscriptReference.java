package dev.outlast.agent;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import java.util.Objects;

/**
 * Where the transcript of a session is kept.
 *
 * @param store the name of the kind of store, for example {@code file}
 * @param host the host whose files it is in; null for a store that any host can read
 * @param key names the transcript in that store
 */
@JsonIgnoreProperties(ignoreUnknown = true)
public record TranscriptReference(String store, String host, String key) {

  public TranscriptReference {
    Objects.requireNonNull(store, "store");
    Objects.requireNonNull(key, "key");
  }
}
