package dev.outlast.worker.plugin;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.temporal.api.workflowservice.v1.PollActivityTaskQueueResponse;
import io.temporal.api.workflowservice.v1.WorkflowServiceGrpc;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** What the SDK's pollers see of a server that goes away. */
class PatientPollsTest {

  private final AtomicLong now = new AtomicLong();
  private final PatientPolls patient = new PatientPolls(now::get);
  private final List<Object> messages = new ArrayList<>();
  private Status ended;
  private CallOptions options;

  /** Makes a call that the server ends in this way after a while. */
  private <Q, R> void call(MethodDescriptor<Q, R> method, Duration after, Status status) {
    call(method, null, after, status);
  }

  private <Q, R> void call(MethodDescriptor<Q, R> method, R answer, Duration after, Status status) {
    Ending<R> channel = new Ending<>();
    ClientCall<Q, R> call = patient.interceptCall(method, CallOptions.DEFAULT, channel);
    call.start(
        new ClientCall.Listener<R>() {
          @Override
          public void onMessage(R message) {
            messages.add(message);
          }

          @Override
          public void onClose(Status how, Metadata trailers) {
            ended = how;
          }
        },
        new Metadata());
    now.addAndGet(after.toNanos());
    if (answer != null) {
      channel.listener.onMessage(answer);
    }
    channel.listener.onClose(status, new Metadata());
  }

  @Test
  void a_poll_whose_answer_came_but_not_its_end_is_a_failure_and_has_one_answer() {
    PollActivityTaskQueueResponse answer =
        PollActivityTaskQueueResponse.newBuilder().setActivityId("1").build();
    call(
        WorkflowServiceGrpc.getPollActivityTaskQueueMethod(),
        answer,
        PatientPolls.WAITED,
        Status.UNAVAILABLE);
    assertEquals(List.of(answer), messages);
    assertEquals(Status.Code.UNAVAILABLE, ended.getCode());
  }

  @Test
  void a_poll_that_was_cut_off_after_a_while_brings_no_task_and_is_no_failure() {
    for (Status status : List.of(Status.UNAVAILABLE, Status.DEADLINE_EXCEEDED)) {
      messages.clear();
      call(WorkflowServiceGrpc.getPollActivityTaskQueueMethod(), PatientPolls.WAITED, status);
      assertTrue(ended.isOk(), ended.toString());
      assertEquals(List.of(PollActivityTaskQueueResponse.getDefaultInstance()), messages);
    }
  }

  @Test
  void a_poll_that_fails_at_once_fails_so_that_the_next_ones_are_paced() {
    call(
        WorkflowServiceGrpc.getPollWorkflowTaskQueueMethod(),
        PatientPolls.WAITED.minusNanos(1),
        Status.UNAVAILABLE);
    assertEquals(Status.UNAVAILABLE, ended);
    assertEquals(List.of(), messages);
  }

  @Test
  void a_poll_that_the_server_refuses_fails_however_long_it_lasted() {
    for (Status status :
        List.of(Status.PERMISSION_DENIED, Status.RESOURCE_EXHAUSTED, Status.CANCELLED)) {
      call(WorkflowServiceGrpc.getPollWorkflowTaskQueueMethod(), Duration.ofMinutes(1), status);
      assertEquals(status, ended);
      assertEquals(List.of(), messages);
    }
  }

  @Test
  void polls_wait_for_the_server_and_other_calls_do_not() {
    for (MethodDescriptor<?, ?> poll :
        List.of(
            WorkflowServiceGrpc.getPollWorkflowTaskQueueMethod(),
            WorkflowServiceGrpc.getPollActivityTaskQueueMethod(),
            WorkflowServiceGrpc.getPollNexusTaskQueueMethod())) {
      call(poll, Duration.ZERO, Status.OK);
      assertTrue(options.isWaitForReady(), poll.getFullMethodName());
    }
    call(
        WorkflowServiceGrpc.getRecordActivityTaskHeartbeatMethod(),
        Duration.ofMinutes(1),
        Status.UNAVAILABLE);
    assertFalse(options.isWaitForReady());
    assertEquals(Status.UNAVAILABLE, ended, "an answer was made up");
  }

  /** A channel with one call, whose end the test decides. */
  private final class Ending<A> extends Channel {

    private ClientCall.Listener<A> listener;

    @Override
    public <Q, R> ClientCall<Q, R> newCall(MethodDescriptor<Q, R> method, CallOptions given) {
      options = given;
      return new ClientCall<>() {
        @Override
        @SuppressWarnings("unchecked") // one call is made, of which the answer is an A
        public void start(Listener<R> toTell, Metadata headers) {
          listener = (Listener<A>) toTell;
        }

        @Override
        public void request(int messages) {
          throw new UnsupportedOperationException();
        }

        @Override
        public void cancel(String message, Throwable cause) {
          throw new UnsupportedOperationException();
        }

        @Override
        public void halfClose() {
          throw new UnsupportedOperationException();
        }

        @Override
        public void sendMessage(Q message) {
          throw new UnsupportedOperationException();
        }
      };
    }

    @Override
    public String authority() {
      return "test";
    }
  }
}
