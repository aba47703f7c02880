//! The stories of what hardly any world shows. `cargo sim bugs` tells each once more with its bug, which must then come to light; so does
//! this, where there are bugs to switch on.
#![allow(clippy::unwrap_used, reason = "this file is a test")]

use fieldpost_sim::world::STORIES;

#[test]
fn every_story_goes_well() {
    for story in STORIES {
        story.holds().unwrap_or_else(|wrong| panic!("{}: {wrong}", story.promise));
    }
}

#[cfg(feature = "bugs")]
#[test]
fn every_story_goes_wrong_with_its_bug() {
    for story in STORIES {
        println!("{:?}: {}", story.bug, story.prove().unwrap());
    }
}
