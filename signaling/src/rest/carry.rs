//! Carries a change out to its end, whether or not whoever asked for it still waits.
//!
//! A client that hangs up must not come between storing and telling. As long as it waits, the change is
//! carried out where it was asked for; a task of its own, which would have to be made and woken for each
//! request, is only for the rest of one that was left behind.

use std::pin::Pin;
use std::task::Context;
use std::task::Poll;

use tokio::runtime::Handle;

use super::ApiError;

type Change<T> = Pin<Box<dyn Future<Output = Result<T, ApiError>> + Send>>;

/// Carries out `change`; when this is dropped before its end, a task does the rest.
///
/// That task has no owner that stops it: it ends with the store's answer and the guild's mailbox, both of
/// which are bounded in time.
pub(in crate::rest) fn carry_out<T: Send + 'static>(
    change: impl Future<Output = Result<T, ApiError>> + Send + 'static,
) -> impl Future<Output = Result<T, ApiError>> + Send {
    Carried { change: Some(Box::pin(change)), outcome: None }
}

/// A change under way.
struct Carried<T: Send + 'static> {
    change: Option<Change<T>>,
    outcome: Option<Result<T, ApiError>>,
}

impl<T: Send + 'static> Unpin for Carried<T> {}

impl<T: Send + 'static> Future for Carried<T> {
    type Output = Result<T, ApiError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // Out of reach meanwhile: what panics is not begun again when this is dropped.
        let Some(mut change) = self.change.take() else {
            return Poll::Ready(self.outcome.take().unwrap_or(Err(ApiError::Unavailable)));
        };
        match change.as_mut().poll(context) {
            Poll::Pending => self.change = Some(change),
            // Mailboxes that were told have their turn before the answer: who asks next finds what they
            // made of it.
            Poll::Ready(outcome) => {
                self.outcome = Some(outcome);
                context.waker().wake_by_ref();
            }
        }
        Poll::Pending
    }
}

impl<T: Send + 'static> Drop for Carried<T> {
    fn drop(&mut self) {
        let (Some(change), Ok(runtime)) = (self.change.take(), Handle::try_current()) else {
            return;
        };
        runtime.spawn(async move { drop(change.await) });
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::sync::oneshot;
    use tokio::task::JoinSet;

    use super::*;

    #[tokio::test]
    async fn a_change_that_nobody_waits_for_any_more_goes_on_to_its_end() {
        let (stored, storing) = oneshot::channel::<()>();
        let (tell, told) = oneshot::channel();
        let mut change = Box::pin(carry_out(async move {
            storing.await.map_err(|_| ApiError::Unavailable)?;
            let _ = tell.send("told");
            Ok(())
        }));
        let begun = poll_fn(|context| Poll::Ready(change.as_mut().poll(context))).await;
        assert!(begun.is_pending());

        drop(change);
        stored.send(()).expect("it still stores");

        assert_eq!(told.await, Ok("told"));
    }

    #[tokio::test]
    async fn a_change_that_panicked_is_not_begun_again() {
        let (alive, dead) = oneshot::channel::<()>();
        let change = async move {
            let _alive = alive;
            panic!("a fault of ours");
        };
        let mut waiting = JoinSet::new();
        waiting.spawn(carry_out::<()>(change));

        let ended = waiting.join_next().await.expect("one waits");
        assert!(ended.is_err_and(|error| error.is_panic()));
        assert!(dead.await.is_err(), "it is gone");
    }
}
