//! Answers questions of many tasks about one thing together.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use tokio::sync::oneshot;

use crate::sharded::Sharded;

/// The most questions that are answered at once.
const ROUND_MAX: usize = 1_024;

/// Questions about things named `K`, which come together while one about the same thing is being answered.
///
/// The first question is answered at once. Those that come meanwhile wait for the next round, which begins
/// when this one has ended, so that an answer is never older than its question. What waits is as many questions as
/// there are tasks that ask.
#[derive(Debug)]
pub(super) struct Rounds<K, Q, A> {
    /// Things that a round is under way for, with the questions for the next one.
    waiting: Sharded<K, Vec<Asked<Q, A>>>,
}

type Asked<Q, A> = (Q, oneshot::Sender<A>);

impl<K: Eq + Hash, Q, A> Default for Rounds<K, Q, A> {
    fn default() -> Self {
        Self {
            waiting: Sharded::default(),
        }
    }
}

impl<K, Q, A> Rounds<K, Q, A>
where
    K: Eq + Hash + Clone + Send + 'static,
    Q: Send + 'static,
    A: Send + 'static,
{
    /// Asks about `key`; `answer` gives as many answers as it is given questions. `None` if it does not.
    pub(super) async fn ask<F>(
        self: &Arc<Self>,
        key: K,
        question: Q,
        answer: impl Fn(Vec<Q>) -> F + Send + 'static,
    ) -> Option<A>
    where
        F: Future<Output = Vec<A>> + Send + 'static,
    {
        let (reply, answered) = oneshot::channel();
        let first = self.waiting.with(&key, |waiting, key| {
            if let Some(next) = waiting.get_mut(key) {
                next.push((question, reply));
                return None;
            }
            waiting.insert(key.clone(), Vec::new());
            Some((question, reply))
        });
        if let Some(first) = first {
            let busy = Busy {
                rounds: Arc::clone(self),
                key,
                ended: false,
            };
            // A task of its own: whoever asked first may go away, and others wait for the answer.
            tokio::spawn(busy.answer_all(first, answer));
        }
        answered.await.ok()
    }
}

/// Rounds are under way for `key`, as long as this lives.
struct Busy<K: Eq + Hash, Q, A> {
    rounds: Arc<Rounds<K, Q, A>>,
    key: K,
    /// Whether the entry was removed: another one may be there by now.
    ended: bool,
}

impl<K: Eq + Hash, Q, A> Busy<K, Q, A> {
    async fn answer_all<F>(mut self, first: Asked<Q, A>, answer: impl Fn(Vec<Q>) -> F)
    where
        F: Future<Output = Vec<A>>,
    {
        let mut round = vec![first];
        while !round.is_empty() {
            let (questions, replies): (Vec<_>, Vec<_>) = round.into_iter().unzip();
            let answers = answer(questions).await;
            for (reply, answer) in replies.into_iter().zip(answers) {
                // Whoever asked may be gone.
                let _ = reply.send(answer);
            }
            round = self.next_round();
        }
    }

    /// What waits; if nothing does, the next question begins anew.
    fn next_round(&mut self) -> Vec<Asked<Q, A>> {
        let ended = &mut self.ended;
        self.rounds.waiting.with(&self.key, |waiting, key| {
            let Some(next) = waiting.get_mut(key).filter(|next| !next.is_empty()) else {
                waiting.remove(key);
                *ended = true;
                return Vec::new();
            };
            let size = next.len().min(ROUND_MAX);
            next.drain(..size).collect()
        })
    }
}

/// Also where `answer` panics: whoever waits hears that there is no answer.
impl<K: Eq + Hash, Q, A> Drop for Busy<K, Q, A> {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let left = self.rounds.waiting.with(&self.key, HashMap::remove);
        drop(left);
    }
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;
    use tokio::sync::Semaphore;

    use super::*;

    /// Rounds whose answers wait until the test lets them through.
    struct Held {
        rounds: Arc<Rounds<&'static str, u32, u32>>,
        gate: Arc<Semaphore>,
        sizes: Arc<Mutex<Vec<usize>>>,
    }

    impl Held {
        fn new() -> Self {
            Self {
                rounds: Arc::default(),
                gate: Arc::new(Semaphore::new(0)),
                sizes: Arc::default(),
            }
        }

        fn ask(&self, key: &'static str, question: u32) -> tokio::task::JoinHandle<Option<u32>> {
            let (rounds, gate, sizes) = (
                Arc::clone(&self.rounds),
                Arc::clone(&self.gate),
                Arc::clone(&self.sizes),
            );
            tokio::spawn(async move {
                let answer = move |questions: Vec<u32>| {
                    let (gate, sizes) = (Arc::clone(&gate), Arc::clone(&sizes));
                    async move {
                        sizes.lock().push(questions.len());
                        gate.acquire().await.unwrap().forget();
                        assert!(!questions.contains(&u32::MAX), "a question without answer");
                        questions.iter().map(|question| question * 2).collect()
                    }
                };
                rounds.ask(key, question, answer).await
            })
        }

        async fn until_waiting(&self, key: &'static str, count: usize) {
            let waiting = || {
                let waiting = &self.rounds.waiting;
                waiting.with(&key, |waiting, key| waiting.get(key).map(Vec::len))
            };
            while waiting() != Some(count) || self.sizes.lock().is_empty() {
                tokio::task::yield_now().await;
            }
        }
    }

    #[tokio::test]
    async fn what_comes_during_a_round_is_answered_by_the_next_one() {
        let held = Held::new();
        let mut asked = vec![held.ask("room", 0)];
        held.until_waiting("room", 0).await;
        asked.extend((1..=20).map(|question| held.ask("room", question)));
        held.until_waiting("room", 20).await;
        held.gate.add_permits(2);
        for (question, answer) in (0..).zip(asked) {
            assert_eq!(answer.await.unwrap(), Some(question * 2));
        }
        assert_eq!(*held.sizes.lock(), [1, 20]);
        // And after that nobody waits for a round that has ended.
        held.gate.add_permits(1);
        assert_eq!(held.ask("room", 4).await.unwrap(), Some(8));
    }

    #[tokio::test]
    async fn other_things_are_not_waited_for() {
        let held = Held::new();
        let first = held.ask("room", 1);
        held.until_waiting("room", 0).await;
        let other = held.ask("other", 2);
        held.until_waiting("other", 0).await;
        held.gate.add_permits(2);
        assert_eq!(
            (first.await.unwrap(), other.await.unwrap()),
            (Some(2), Some(4))
        );
        assert_eq!(*held.sizes.lock(), [1, 1]);
    }

    #[tokio::test]
    async fn a_round_without_answers_leaves_nobody_waiting() {
        let held = Held::new();
        let first = held.ask("room", u32::MAX);
        held.until_waiting("room", 0).await;
        let second = held.ask("room", 2);
        held.until_waiting("room", 1).await;
        held.gate.add_permits(1);
        assert_eq!((first.await.unwrap(), second.await.unwrap()), (None, None));
    }
}
