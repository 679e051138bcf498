"""Sentences for a script about any topic, by the aspect that a section is about.

`{topic}` is the topic as the prompt words it, also a question such as "how bees make honey"; `{subject}` is a noun
phrase for it. No sentence depends on whether the topic is singular or plural.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Aspect:
    """One section's part of a script: its titles and its sentences, in the order in which they are spoken."""

    titles: tuple[str, ...]
    sentences: tuple[str, ...]


OPENING = Aspect(
    ("A First Look", "Where We Start", "An Invitation"),
    (
        "Today we are looking at {topic}.",
        "It is a subject that rewards a second look, because the best parts are easy to miss.",
        "Most of us pass it by without asking how it came to be this way.",
        "So let us slow down, begin with what we can see, and follow it one step at a time.",
        "You do not need any special knowledge to enjoy this, only a few minutes and some curiosity.",
        "By the end, a familiar sight may look a little different.",
        "Every good explanation starts with a simple question, and this one starts with what is in front of us.",
    ),
)

CLOSING = Aspect(
    ("What Stays With Us", "Until Next Time", "A Last Look"),
    (
        "We set out to look at {topic}, and we found a whole world of connections.",
        "Now we are back where we started, and it looks a little different.",
        "The details will fade, but the feeling of having looked closely tends to stay.",
        "Next time, take a moment longer than usual, and see what you notice.",
        "There is always one more thing to discover, and it may be right in front of you.",
        "If you have enjoyed these few minutes, share them with somebody who likes to look closely too.",
        "Thank you for watching.",
    ),
)

# Between the opening and the closing, in this order; a short script leaves some of them out.
MIDDLE = (
    Aspect(
        ("Where It Begins", "The Long Road Here"),
        (
            "Behind {subject} there is a longer history than most people expect.",
            "It began with small steps, each of them ordinary, and each of them easy to overlook.",
            "Some of those steps were planned, while others happened by chance and turned out to matter.",
            "Over time they added up, the way a path forms when enough people walk the same way.",
            "If we go back far enough, we find that the first questions were very much like our own.",
            "People watched, compared notes, and passed on what they had learned to those who came after them.",
            "That patient work is the ground on which everything else stands.",
        ),
    ),
    Aspect(
        ("A Closer Look", "In the Details"),
        (
            "Now let us move in closer.",
            "From a distance we see only the outline, but the character is in the details.",
            "Look for the edges first, the places where one thing turns into another.",
            "Light, colour and movement all tell us something about what is happening there.",
            "Small differences that seemed random begin to form a pattern once we know what to look for.",
            "The longer we watch, the more we notice, and the less we want to hurry on.",
            "This is why people who know {subject} well can often tell so much from so little.",
        ),
    ),
    Aspect(
        ("How It Works", "How the Parts Fit Together"),
        (
            "So how do the parts fit together?",
            "Each part does something simple, and the interesting results come from the way they combine.",
            "One change leads to the next, so that a small cause at the start can have a large effect at the end.",
            "There is a rhythm to it, with busy moments, quiet moments, and a balance between the two.",
            "When one part slows down, the others adjust, and the whole finds its pace again.",
            "Once you have seen this balance, it becomes much easier to understand {topic}.",
            "None of this needs complicated words; it only needs to be followed in the right order.",
        ),
    ),
    Aspect(
        ("The People Who Know It Best", "Through Other Eyes"),
        (
            "Now think of the people for whom this is part of an ordinary day.",
            "Some of them get up early for it, and some of them stay late.",
            "They have learned to read signs that a visitor would miss, and they do it without thinking.",
            "Ask them about {subject}, and they will tell you about one particular day that they still remember.",
            "What they share is attention, the habit of looking carefully and of not giving up too soon.",
            "Their knowledge is rarely written down; it is passed on by showing, trying and trying again.",
            "Thanks to them, the rest of us can enjoy the results with far less effort.",
        ),
    ),
    Aspect(
        ("What Makes It Difficult", "The Hard Part"),
        (
            "Of course, not everything is easy.",
            "Conditions change, plans fail, and what worked yesterday may not work tomorrow.",
            "The most common mistake is to rush, because {subject} will not be hurried.",
            "A better way is to prepare well, to start small, and to keep an eye on what is really happening.",
            "When something goes wrong, it often teaches us more than a day on which everything goes right.",
            "Difficulties also bring people together, because few of them can be solved alone.",
            "That is how problems turn into experience, and experience turns into confidence.",
        ),
    ),
    Aspect(
        ("How It Changes", "A Moment in Time"),
        (
            "Come back in a different season, and you will find a different picture.",
            "Some changes are so slow that we notice them only when we compare old pictures with new ones.",
            "Others happen within minutes, and for a moment everything seems new.",
            "Change is not a fault here; it is part of what keeps {subject} interesting.",
            "What stays the same is just as telling, because it shows us what really matters.",
            "Between the old and the new there is always a little tension, and good stories come from it.",
            "It helps to remember that we are seeing a single moment in a much longer process.",
        ),
    ),
    Aspect(
        ("Part of Everyday Life", "Closer Than We Think"),
        (
            "It is easy to think that all this has little to do with us.",
            "In fact, we come across it far more often than we realise.",
            "It can shape where we go, what we talk about, and how we spend a free afternoon.",
            "Children often understand this first, because they still ask the obvious questions.",
            "A short walk with open eyes can teach more than an hour spent with a screen.",
            "And once we have learned to notice {subject}, we tend to find traces of it everywhere.",
            "That is a quiet kind of pleasure, and it costs nothing.",
        ),
    ),
    Aspect(
        ("Why It Matters", "Small Things, Large Effects"),
        (
            "Why should we care about {topic}?",
            "One reason is practical, because we can look after what we understand.",
            "Another reason is simple enjoyment, and there is nothing wrong with that.",
            "There is also a larger point, since small things are often connected to very large ones.",
            "A decision made in one place can be felt far away, by people who will never meet.",
            "When we take the time to understand those connections, we make better choices.",
            "And better choices, repeated often enough, become a better way of doing things.",
        ),
    ),
    Aspect(
        ("What Comes Next", "Looking Ahead"),
        (
            "What will the coming years bring?",
            "Nobody can say for certain, but some directions are already clear.",
            "New tools let us observe more closely, measure more gently, and share what we find more quickly.",
            "At the same time, old methods are valued again, because they have passed the test of time.",
            "The most promising ideas join the two, with fresh eyes and long experience side by side.",
            "There will be surprises, as there always are, and some of them will be welcome.",
            "Whatever happens, there will be more to learn about {topic}, and more people who want to learn it.",
        ),
    ),
)

TITLES = (
    "A Closer Look at {subject}",
    "Discovering {subject}",
    "A Short Guide to {subject}",
    "The Quiet Side of {subject}",
    "What Makes {subject} Special",
    "Inside {subject}",
)

DESCRIPTIONS = (
    "A short video about {topic}, from the first impression to the details that are easy to miss.",
    "A calm and friendly look at {topic}, with plain words and pictures that speak for themselves.",
    "A few minutes about {topic}: where it comes from, how it works, and why it is worth a second look.",
    "An easy introduction to {topic} for everyone who likes to look closely.",
)
